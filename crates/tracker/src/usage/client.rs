//! What a client says of itself: by the beginning of its peer id (BEP 20), and over HTTP in its own words.

use crate::model::PeerId;

/// `-qB4650-` and its like, or no name: bytes of any kind are not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client([u8; 8]);

impl Client {
    /// The beginning of a peer id that follows one of the known styles; else none.
    pub(super) fn of(peer_id: &PeerId) -> Self {
        let mut name = [0; 8];
        name.copy_from_slice(&peer_id[..8]);
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        // `-UT3530-`, and `-ML2.7.2-`, which is longer.
        let is_azureus = name[0] == b'-'
            && name[1..3].iter().all(u8::is_ascii_alphanumeric)
            && (name[7] == b'-' || name.contains(&b'.'));
        // `M7-10-1--` and `T03I-----`, of old.
        let is_old = name[0].is_ascii_uppercase()
            && (name[2] == b'-' || name.windows(2).any(|pair| pair == b"--"));
        if (is_azureus || is_old) && name.iter().all(is_plain) {
            Self(name)
        } else {
            Self([0; 8])
        }
    }

    pub(super) fn text(self) -> Vec<u8> {
        without_zeros(&self.0)
    }
}

/// Bytes kept of the name that a client gives itself over HTTP, with its version.
const AGENT_BYTES_MAX: usize = 24;

/// `qBittorrent/4.6.5` and its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Agent([u8; AGENT_BYTES_MAX]);

impl Agent {
    /// The first product of a `User-Agent`; none where it is empty, or not of plain letters.
    pub(super) fn of(field: &[u8]) -> Self {
        let is_end = |byte: &u8| matches!(byte, b' ' | b'(' | b';' | b',' | b'\t');
        let length = field.iter().position(is_end).unwrap_or(field.len());
        let product = &field[..length.min(AGENT_BYTES_MAX)];
        let mut name = [0; AGENT_BYTES_MAX];
        if product.iter().all(u8::is_ascii_graphic) {
            name[..product.len()].copy_from_slice(product);
        }
        Self(name)
    }

    pub(super) fn text(self) -> Vec<u8> {
        without_zeros(&self.0)
    }
}

fn without_zeros(name: &[u8]) -> Vec<u8> {
    let length = name
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(name.len());
    name[..length].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer_id: &[u8; 20]) -> String {
        String::from_utf8(Client::of(peer_id).text()).expect("plain letters")
    }

    #[test]
    fn the_styles_of_peer_ids_are_kept_and_nothing_else() {
        assert_eq!(client(b"-qB4650-abcdefghijkl"), "-qB4650-");
        assert_eq!(client(b"-ML2.7.2-abcdefghijk"), "-ML2.7.2");
        assert_eq!(
            client(b"-lt0D60-\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff"),
            "-lt0D60-"
        );
        assert_eq!(client(b"M7-10-1--abcdefghijk"), "M7-10-1-");
        assert_eq!(client(b"M4-3-6--abcdefghijkl"), "M4-3-6--");
        assert_eq!(client(b"T03I-----abcdefghijk"), "T03I----");
        assert_eq!(client(b"-<i>x</-abcdefghijkl"), "");
        assert_eq!(client(b"--------------------"), "");
        assert_eq!(client(b"abcdefghijklmnopqrst"), "");
        assert_eq!(client(&[0xff; 20]), "");
        assert_eq!(client(&[0; 20]), "");
    }

    #[test]
    fn of_a_user_agent_the_first_product_is_kept() {
        let agent =
            |field: &[u8]| String::from_utf8(Agent::of(field).text()).expect("plain letters");
        assert_eq!(agent(b"qBittorrent/4.6.5"), "qBittorrent/4.6.5");
        assert_eq!(agent(b"uTorrent/355(111980420)(46542)"), "uTorrent/355");
        assert_eq!(agent(b"Azureus 5.7.6.0;Windows 10;Java 1.8"), "Azureus");
        assert_eq!(agent(b"Deluge/2.1.1 libtorrent/2.0.9.0"), "Deluge/2.1.1");
        assert_eq!(agent(&[b'x'; 100]), "x".repeat(24));
        assert_eq!(agent("K\u{e4}se/1".as_bytes()), "");
        assert_eq!(agent(b""), "");
        assert_eq!(agent(b" "), "");
    }
}
