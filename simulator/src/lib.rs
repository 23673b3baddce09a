//! The whole system, client and server, from one seed.
