"""Kill -9 of the publisher at random points of its life: one thread per call all the same."""
