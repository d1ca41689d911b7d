//! The few system calls that the standard library lacks, behind safe functions.

pub(crate) mod batch;
pub(crate) mod poller;
pub(crate) mod socket;
