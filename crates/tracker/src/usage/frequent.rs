//! The most frequent of any number of keys, in a table of fixed size ("space-saving": Metwally, Agrawal
//! and El Abbadi, 2005).

/// Rows of a table. What makes up more than a 128th of all has a row for certain.
const ROWS_MAX: usize = 128;

struct Row<K> {
    key: K,
    count: u64,
    /// How much of the count may be that of keys which had this row before.
    inherited: u64,
}

/// Keys with at least how often they came.
///
/// A key that finds no room takes the row with the smallest count, and goes on from there.
pub(super) struct Frequent<K> {
    rows: Vec<Row<K>>,
}

impl<K> Default for Frequent<K> {
    fn default() -> Self {
        Self { rows: Vec::new() }
    }
}

impl<K: Copy + Eq> Frequent<K> {
    pub(super) fn add(&mut self, key: K, weight: u64) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.key == key) {
            row.count = row.count.saturating_add(weight);
        } else if self.rows.len() < ROWS_MAX {
            self.rows.push(Row {
                key,
                count: weight,
                inherited: 0,
            });
        } else if let Some(row) = self.rows.iter_mut().min_by_key(|row| row.count) {
            *row = Row {
                key,
                count: row.count.saturating_add(weight),
                inherited: row.count,
            };
        }
    }

    /// Each key with how often it came at least.
    pub(super) fn rows(self) -> impl Iterator<Item = (K, u64)> {
        let rows = self.rows.into_iter();
        rows.map(|row| (row.key, row.count - row.inherited))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_keys_are_counted_exactly() {
        let mut table = Frequent::default();
        for (key, weight) in [(1, 5), (2, 1), (1, 2)] {
            table.add(key, weight);
        }
        assert_eq!(table.rows().collect::<Vec<_>>(), [(1, 7), (2, 1)]);
    }

    #[test]
    fn what_is_frequent_outlasts_a_million_made_up_keys_in_a_table_that_does_not_grow() {
        let mut table = Frequent::default();
        for made_up in 1..=1_000_000u32 {
            table.add(made_up, 1);
            if made_up % 50 == 0 {
                table.add(0, 1);
            }
        }
        let rows: Vec<_> = table.rows().collect();
        assert_eq!(rows.len(), ROWS_MAX);
        let of_0 = rows
            .iter()
            .find(|(key, _)| *key == 0)
            .map(|(_, count)| *count);
        assert!((10_000..=20_000).contains(&of_0.unwrap_or(0)), "{of_0:?}");
        // The others came once each, and none is said to have come more often than that.
        assert!(rows.iter().all(|(key, count)| *key == 0 || *count == 1));
    }
}
