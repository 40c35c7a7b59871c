//! Tests that see all of MPSS: real processes, real sockets, and the architecture itself.
