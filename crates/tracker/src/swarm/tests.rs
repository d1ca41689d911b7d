//! The store as a whole, against a naive one and against its promises.

mod cluster;
mod fairness;
mod naive;
mod sweep;
