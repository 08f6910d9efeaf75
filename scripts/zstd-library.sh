#!/bin/sh
# Prints how to link libzstd: the static archive where the compiler finds one (newer Nodes export zstd symbols of their
# own, and a static copy with hidden symbols cannot be mistaken for them), else the shared library.
archive=$(${CC:-cc} -print-file-name=libzstd.a)
if [ -f "$archive" ]; then echo "$archive"; else echo -lzstd; fi
