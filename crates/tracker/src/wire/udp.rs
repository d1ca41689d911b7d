//! The UDP tracker protocol: BEP 15 with the options of BEP 41.

mod request;
mod response;
#[cfg(test)]
mod tests;

pub(crate) use request::{Announce, Request, Scrape, read, url_data};
pub(crate) use response::{PEERS_AT, announce, connect, error, scrape};
