"""Wire formats, one file per format, named as the standard names it: text in, values out, no I/O."""
