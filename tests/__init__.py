"""The tests, a package, so that test files import their fakes as `tests.fakes`."""
