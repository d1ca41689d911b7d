//! A queue in chunks: it grows and shrinks without ever moving what is in it.

use std::collections::VecDeque;

/// Values of a chunk: some ten kilobytes of them, taken out in a microsecond.
const CHUNK: usize = 256;

pub(super) struct Fifo<T> {
    chunks: VecDeque<Vec<T>>,
    /// Values of the first chunk that are gone.
    gone: usize,
    len: usize,
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Self {
            chunks: VecDeque::new(),
            gone: 0,
            len: 0,
        }
    }
}

impl<T: Copy> Fifo<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, value: T) {
        match self.chunks.back_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(value),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(value);
                self.chunks.push_back(chunk);
            }
        }
        self.len += 1;
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let chunk = self.chunks.front()?;
        let value = chunk[self.gone];
        self.gone += 1;
        self.len -= 1;
        if self.gone == chunk.len() {
            self.chunks.pop_front();
            self.gone = 0;
        }
        Some(value)
    }

    /// Move up to `limit` values of one chunk to the end of `out`, and tell how many.
    pub(super) fn take(&mut self, limit: usize, out: &mut Vec<T>) -> usize {
        let Some(chunk) = self.chunks.front() else {
            return 0;
        };
        let number = limit.min(chunk.len() - self.gone);
        out.extend_from_slice(&chunk[self.gone..self.gone + number]);
        self.gone += number;
        self.len -= number;
        if self.gone == chunk.len() {
            self.chunks.pop_front();
            self.gone = 0;
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_goes_in_comes_out_in_order(steps in prop::collection::vec((0..3_u8, 0..700_usize), 0..60)) {
            let (mut fifo, mut expected) = (Fifo::default(), VecDeque::new());
            let mut next = 0;
            for (step, number) in steps {
                match step {
                    0 => (0..number).for_each(|_| {
                        fifo.push(next);
                        expected.push_back(next);
                        next += 1;
                    }),
                    1 => (0..number).for_each(|_| assert_eq!(fifo.pop(), expected.pop_front())),
                    _ => {
                        let mut out = Vec::new();
                        let taken = fifo.take(number, &mut out);
                        assert_eq!(taken, out.len());
                        assert!(taken > 0 || number == 0 || expected.is_empty());
                        assert!(out.into_iter().eq(expected.drain(..taken)));
                    }
                }
                prop_assert_eq!(fifo.len(), expected.len());
            }
        }
    }
}
