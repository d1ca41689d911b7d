//! Memory for Python: what it writes there is hashed where it lies.

#![allow(unsafe_code)] // a view of memory is made of a pointer and a length

use std::sync::Arc;

use outpour_hasher::Place;
use pyo3::{ffi, prelude::*, types::PyMemoryView};

use crate::error::{Error, Result};

/// `PyBUF_WRITE`, which is in the stable ABI since Python 3.11 by name, and long before by value.
const WRITABLE: std::ffi::c_int = 0x200;

#[pyclass(frozen, module = "outpour._core")]
pub(crate) struct Memory {
    whole: Arc<outpour_hasher::Memory>,
    from: usize,
}

#[pymethods]
impl Memory {
    #[new]
    fn new(py: Python<'_>, length: usize) -> Self {
        let whole = py.detach(|| outpour_hasher::Memory::new(length));
        Self {
            whole: Arc::new(whole),
            from: 0,
        }
    }

    fn __len__(&self) -> usize {
        self.whole.length() - self.from
    }

    fn part(&self, start: usize) -> Result<Self> {
        if start > self.__len__() {
            return Err(Error::value("the memory ends before that byte"));
        }
        Ok(Self {
            whole: Arc::clone(&self.whole),
            from: self.from + start,
        })
    }

    fn view<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        let at = self.whole.as_mut_ptr().wrapping_add(self.from).cast();
        let length = self.__len__() as ffi::Py_ssize_t;
        // SAFETY: the memory is there as long as this object, and so long views of it may be kept.
        let view = unsafe {
            let made = ffi::PyMemoryView_FromMemory(at, length, WRITABLE);
            Bound::from_owned_ptr_or_err(py, made)?
        };
        Ok(view.cast_into()?)
    }
}

impl Memory {
    pub(crate) fn place(&self) -> Place {
        Place::Memory(Arc::clone(&self.whole), self.from)
    }
}
