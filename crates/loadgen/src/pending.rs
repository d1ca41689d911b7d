//! The UDP requests that wait for their answers, found by transaction id in a ring.

#[derive(Clone, Copy, Default)]
struct Slot {
    transaction: u32,
    action: u8,
    is_waiting: bool,
    intended_ns: u64,
}

/// A request is lost when the ring comes round to its slot and it still waits.
pub(crate) struct Pending {
    slots: Box<[Slot]>,
    next: u32,
    waiting: usize,
}

impl Pending {
    /// `slots` must be a power of two.
    pub(crate) fn new(slots: usize) -> Self {
        assert!(slots.is_power_of_two());
        Self {
            slots: vec![Slot::default(); slots].into_boxed_slice(),
            next: 1,
            waiting: 0,
        }
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Gives the transaction id, and whether an older request was lost for it.
    pub(crate) fn open(&mut self, action: u32, intended_ns: u64) -> (u32, bool) {
        let transaction = self.next;
        self.next = self.next.wrapping_add(1);
        let slot = self.slot_mut(transaction);
        let is_lost = slot.is_waiting;
        *slot = Slot {
            transaction,
            action: action as u8,
            is_waiting: true,
            intended_ns,
        };
        self.waiting += usize::from(!is_lost);
        (transaction, is_lost)
    }

    /// Ends the wait for an answer to `action`, or to any when that is `None`; gives the time
    /// from which its latency counts. `None` when no such request waits.
    pub(crate) fn close(&mut self, transaction: u32, action: Option<u32>) -> Option<u64> {
        let slot = self.slot_mut(transaction);
        let fits = action.is_none_or(|action| action == u32::from(slot.action));
        if !slot.is_waiting || slot.transaction != transaction || !fits {
            return None;
        }
        slot.is_waiting = false;
        let intended_ns = slot.intended_ns;
        self.waiting -= 1;
        Some(intended_ns)
    }

    /// Gives up on everything that waits; gives how many that were.
    pub(crate) fn write_off(&mut self) -> u64 {
        self.slots
            .iter_mut()
            .for_each(|slot| slot.is_waiting = false);
        std::mem::take(&mut self.waiting) as u64
    }

    fn slot_mut(&mut self, transaction: u32) -> &mut Slot {
        let index = transaction as usize & (self.slots.len() - 1);
        &mut self.slots[index]
    }
}

#[cfg(test)]
mod tests {
    use super::Pending;

    #[test]
    fn an_answer_closes_its_own_request_once() {
        let mut pending = Pending::new(8);
        let (transaction, _) = pending.open(1, 42);
        assert_eq!(pending.close(transaction.wrapping_add(8), Some(1)), None);
        assert_eq!(pending.close(transaction, Some(2)), None);
        assert_eq!(pending.close(transaction, Some(1)), Some(42));
        assert_eq!(pending.close(transaction, Some(1)), None);
        assert_eq!(pending.waiting(), 0);
    }

    #[test]
    fn an_error_closes_a_request_of_any_action() {
        let mut pending = Pending::new(8);
        let (transaction, _) = pending.open(2, 1);
        assert_eq!(pending.close(transaction, None), Some(1));
    }

    #[test]
    fn requests_are_lost_when_the_ring_comes_round() {
        let mut pending = Pending::new(4);
        assert!((0..4).all(|_| !pending.open(1, 0).1));
        assert!(pending.open(1, 0).1);
        assert_eq!(pending.waiting(), 4);
        assert_eq!(pending.write_off(), 4);
        assert!(!pending.open(1, 0).1);
    }
}
