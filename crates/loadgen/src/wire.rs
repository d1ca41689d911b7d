//! What goes over the wire, as the client of a tracker writes and reads it.

pub(crate) mod http;
pub(crate) mod udp;
