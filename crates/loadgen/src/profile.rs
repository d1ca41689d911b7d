//! What the load looks like: how many torrents and peers, how they are spread, what they ask.

/// How peers are spread over torrents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    /// The weights of `aquatic_udp_load_test`: a floor under all torrents and a steep head.
    Aquatic,
    /// Zipf with exponent 1: the torrent of rank r has a weight of 1/r.
    PowerLaw,
    Uniform,
}

/// How the state of a peer changes from one announce to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Churn {
    /// Each announce is drawn anew as `completed` or `started`, as in `aquatic_udp_load_test`.
    EachAnnounce,
    /// A peer starts once, then mostly re-announces without event; few stop or complete.
    Steady,
}

#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    pub(crate) spread: Spread,
    pub(crate) churn: Churn,
    pub(crate) torrents: u32,
    pub(crate) peers: u32,
    pub(crate) numwant: u32,
    /// Shares of all requests; the rest are announces.
    pub(crate) scrape_share: f64,
    pub(crate) connect_share: f64,
    pub(crate) scrape_torrents_max: u32,
    pub(crate) seeder_share: f64,
    /// Distinct source addresses; one port range of 65,536 peers lies behind each.
    pub(crate) sources: u32,
    pub(crate) sockets: u32,
}

/// The names that `--profile` takes.
pub(crate) const NAMES: [&str; 3] = ["aquatic", "power-law", "uniform"];

impl Profile {
    pub(crate) fn named(name: &str) -> Option<Self> {
        let base = Self {
            name: NAMES[0],
            spread: Spread::Aquatic,
            churn: Churn::EachAnnounce,
            torrents: 1_000_000,
            peers: 2_000_000,
            numwant: 30,
            scrape_share: 1.0 / 101.0,
            connect_share: 0.0,
            scrape_torrents_max: 10,
            seeder_share: 0.75,
            sources: 1,
            sockets: 4,
        };
        let steady = Self {
            churn: Churn::Steady,
            torrents: 10_000,
            peers: 1_000_000,
            numwant: 50,
            scrape_share: 0.05,
            seeder_share: 0.5,
            sources: 8,
            sockets: 8,
            ..base.clone()
        };
        match name {
            "aquatic" => Some(base),
            "power-law" => Some(Self {
                name: NAMES[1],
                spread: Spread::PowerLaw,
                ..steady
            }),
            "uniform" => Some(Self {
                name: NAMES[2],
                spread: Spread::Uniform,
                ..steady
            }),
            _ => None,
        }
    }

    /// The weight of each torrent, by index.
    pub(crate) fn weights(&self) -> Vec<f64> {
        let torrents = f64::from(self.torrents);
        let floor = torrents / f64::from(self.peers);
        let weight = |index: u32| match self.spread {
            Spread::Aquatic => floor + (6.5 - 500.0 * f64::from(index) / torrents).exp(),
            Spread::PowerLaw => 1.0 / f64::from(index + 1),
            Spread::Uniform => 1.0,
        };
        (0..self.torrents).map(weight).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{NAMES, Profile};

    #[test]
    fn every_name_has_a_profile_of_that_name() {
        for name in NAMES {
            assert_eq!(Profile::named(name).map(|profile| profile.name), Some(name));
        }
        assert!(Profile::named("steep").is_none());
    }

    /// The figures were computed from the published formula, apart from this code.
    #[test]
    fn aquatic_weights_put_half_of_the_peers_on_the_first_2324_torrents() {
        let weights = Profile::named("aquatic")
            .expect("a known profile")
            .weights();
        let total: f64 = weights.iter().sum();
        assert!((1.82e6..1.84e6).contains(&total), "{total}");
        let head: f64 = weights[..2_324].iter().sum();
        assert!((head / total - 0.5).abs() < 0.001, "{}", head / total);
        let top = weights[0] / total * 2e6;
        assert!((top - 727.0).abs() < 2.0, "{top}");
    }

    #[test]
    fn a_power_law_halves_the_weight_at_the_second_rank() {
        let weights = Profile::named("power-law")
            .expect("a known profile")
            .weights();
        assert!((weights[0] / weights[1] - 2.0).abs() < 1e-9);
        assert!((weights[0] / weights[9_999] - 10_000.0).abs() < 1e-6);
    }
}
