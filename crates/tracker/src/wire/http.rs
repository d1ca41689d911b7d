//! The HTTP tracker protocol: as much of HTTP/1 as an announce needs, the query and the bencoded answer.

mod head;
mod query;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(crate) use head::{
    Action, Head, Method, Paths, Read, action, field, read, takes_gzip, values_from_the_last,
};
pub(crate) use query::decode;
pub(crate) use request::{Announce, announce, infohashes};
pub(crate) use response::{
    Peers, Reply, Status, close_scrape, failure, failure_text, head as answer_head,
    open_ended_head, open_scrape, plain, reply, scrape_entry, warning,
};
