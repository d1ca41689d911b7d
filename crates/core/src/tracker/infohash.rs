//! Infohashes, which are bytes of any length in Python.

use outpour_tracker::model::InfoHash;
use pyo3::pybacked::PyBackedBytes;

use crate::error::{Error, Result};

pub(super) fn one_20(infohash: &[u8]) -> Result<InfoHash> {
    InfoHash::try_from(infohash).map_err(|_| {
        let length = infohash.len();
        Error::value(format!("an infohash has 20 bytes, not {length}"))
    })
}

pub(super) fn all_20(infohashes: &[PyBackedBytes]) -> Result<Vec<InfoHash>> {
    infohashes.iter().map(|bytes| one_20(bytes)).collect()
}
