//! Draws an index by weight in constant time, after one linear preparation (Vose's alias method).

use fastrand::Rng;

#[derive(Debug)]
pub(crate) struct Weights {
    columns: Vec<Column>,
}

#[derive(Clone, Copy, Debug)]
struct Column {
    /// The share of this column, scaled to 32 bits, that belongs to its own index.
    own: u32,
    alias: u32,
}

impl Weights {
    /// `weights` must be positive and at least one.
    pub(crate) fn new(weights: &[f64]) -> Self {
        assert!(!weights.is_empty() && weights.iter().all(|&weight| weight > 0.0));
        let scale = weights.len() as f64 / weights.iter().sum::<f64>();
        let mut shares: Vec<f64> = weights.iter().map(|weight| weight * scale).collect();
        let (mut short, mut tall): (Vec<u32>, Vec<u32>) =
            (0..weights.len() as u32).partition(|&index| shares[index as usize] < 1.0);
        let mut columns: Vec<Column> = (0..weights.len() as u32)
            .map(|alias| Column {
                own: u32::MAX,
                alias,
            })
            .collect();
        while let (Some(low), Some(&high)) = (short.pop(), tall.last()) {
            let share = shares[low as usize];
            columns[low as usize] = Column {
                own: (share * f64::from(u32::MAX)) as u32,
                alias: high,
            };
            shares[high as usize] -= 1.0 - share;
            if shares[high as usize] < 1.0 {
                tall.pop();
                short.push(high);
            }
        }
        Self { columns }
    }

    pub(crate) fn draw(&self, random: &mut Rng) -> u32 {
        let index = random.u32(..self.columns.len() as u32);
        let column = self.columns[index as usize];
        if random.u32(..) <= column.own {
            index
        } else {
            column.alias
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Weights;
    use fastrand::Rng;

    #[test]
    fn indices_are_drawn_as_often_as_their_weights_say() {
        let weights = [1.0, 2.0, 4.0, 8.0, 1.0];
        let drawn = Weights::new(&weights);
        let mut random = Rng::with_seed(3);
        let mut seen = [0u32; 5];
        for _ in 0..160_000 {
            seen[drawn.draw(&mut random) as usize] += 1;
        }
        for (count, weight) in seen.iter().zip(weights) {
            let expected = weight * 10_000.0;
            assert!(
                (f64::from(*count) - expected).abs() < expected * 0.05,
                "{seen:?}"
            );
        }
    }

    #[test]
    fn a_single_index_is_always_drawn() {
        let weights = Weights::new(&[0.3]);
        let mut random = Rng::with_seed(4);
        assert!((0..100).all(|_| weights.draw(&mut random) == 0));
    }
}
