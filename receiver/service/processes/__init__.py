"""One module for each process of ``receiver serve``: its loop, wired to real stores and sockets."""
