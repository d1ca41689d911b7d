//! A query string becomes pairs of name and still encoded value.

use memchr::memchr;

pub(crate) struct Pairs<'a> {
    rest: &'a [u8],
}

pub(crate) fn pairs(query: &[u8]) -> Pairs<'_> {
    // Some clients append their own `?` to an announce URL that ends with one.
    let extra = query.iter().take_while(|byte| **byte == b'?').count();
    Pairs {
        rest: &query[extra..],
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let piece = match memchr(b'&', self.rest) {
            Some(end) => {
                let piece = &self.rest[..end];
                self.rest = &self.rest[end + 1..];
                piece
            }
            None => std::mem::take(&mut self.rest),
        };
        Some(match piece.iter().position(|byte| *byte == b'=') {
            Some(at) => (&piece[..at], &piece[at + 1..]),
            None => (piece, &[]),
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecodeError {
    BrokenEscape,
    TooLong,
}

/// Undoes percent-encoding and the `+` of forms into `out`, and says how many bytes came of it.
pub(crate) fn decode(value: &[u8], out: &mut [u8]) -> Result<usize, DecodeError> {
    let mut length = 0;
    let mut at = 0;
    while at < value.len() {
        let byte = match value[at] {
            b'%' => {
                let (Some(high), Some(low)) = (hex(value.get(at + 1)), hex(value.get(at + 2)))
                else {
                    return Err(DecodeError::BrokenEscape);
                };
                at += 2;
                high << 4 | low
            }
            b'+' => b' ',
            byte => byte,
        };
        at += 1;
        *out.get_mut(length).ok_or(DecodeError::TooLong)? = byte;
        length += 1;
    }
    Ok(length)
}

fn hex(digit: Option<&u8>) -> Option<u8> {
    const VALUES: [u8; 256] = {
        let mut values = [u8::MAX; 256];
        let mut value = 0;
        while value < 16 {
            values[b"0123456789abcdef"[value] as usize] = value as u8;
            values[b"0123456789ABCDEF"[value] as usize] = value as u8;
            value += 1;
        }
        values
    };
    let value = VALUES[usize::from(*digit?)];
    (value < 16).then_some(value)
}

/// A whole number; what does not fit is the largest that does.
pub(crate) fn number(value: &[u8]) -> Option<u64> {
    digits(value).or_else(|| odd_number(value))
}

fn digits(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0u64, |sum, byte| {
        byte.is_ascii_digit().then(|| {
            sum.saturating_mul(10)
                .saturating_add(u64::from(byte - b'0'))
        })
    })
}

/// A number as some programs write it: escaped, between blanks, or with a fraction, which is rounded up.
#[cold]
fn odd_number(value: &[u8]) -> Option<u64> {
    let mut text = [0; SHORT_BYTES_MAX];
    let text = short(value, &mut text)?;
    match memchr(b'.', text) {
        None => digits(text),
        Some(dot) => {
            let fraction = &text[dot + 1..];
            let is_fraction = fraction.iter().all(u8::is_ascii_digit);
            let is_more = fraction.iter().any(|byte| *byte != b'0');
            let whole = digits(&text[..dot]).filter(|_| is_fraction)?;
            Some(whole.saturating_add(u64::from(is_more)))
        }
    }
}

/// Names and values that matter are words or numbers.
pub(crate) const SHORT_BYTES_MAX: usize = 32;

/// What a short text says without its escapes and the blanks around it; none if it is long or broken.
pub(crate) fn short<'o>(value: &[u8], out: &'o mut [u8; SHORT_BYTES_MAX]) -> Option<&'o [u8]> {
    let length = decode(value, out).ok()?;
    Some(out[..length].trim_ascii())
}
