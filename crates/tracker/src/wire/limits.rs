//! The bounds of what is read from and written to the wire.

/// A request head over HTTP: room for a scrape of 200 fully escaped infohashes.
pub(crate) const HTTP_HEAD_BYTES_MAX: usize = 16 * 1024;

/// Infohashes in one HTTP scrape; more than fit the head when each is escaped.
pub(crate) const HTTP_SCRAPE_INFOHASHES_MAX: usize = 512;

/// The still encoded `trackerid` of a request, which an answer gives back.
pub(crate) const TRACKER_ID_BYTES_MAX: usize = 128;

/// A UDP answer: what IPv6 carries everywhere unfragmented, 1280 bytes less the headers.
pub(crate) const UDP_ANSWER_BYTES_MAX: usize = 1232;

/// Infohashes in one UDP scrape: BEP 15 says about 74, which make a packet of 1496 bytes.
pub(crate) const UDP_SCRAPE_INFOHASHES_MAX: usize = 74;

/// The joined BEP 41 `URLData`: two options of full length.
pub(crate) const URL_DATA_BYTES_MAX: usize = 510;
