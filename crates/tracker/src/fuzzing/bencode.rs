//! Whether bytes are bencode, as strictly as its most careful readers take it.

/// Reads one value off the front, and gives what follows it.
fn value(bytes: &[u8]) -> Option<&[u8]> {
    match bytes.first()? {
        b'i' => {
            let end = bytes.iter().position(|byte| *byte == b'e')?;
            is_number(&bytes[1..end]).then_some(&bytes[end + 1..])
        }
        b'l' => {
            let mut rest = &bytes[1..];
            while *rest.first()? != b'e' {
                rest = value(rest)?;
            }
            Some(&rest[1..])
        }
        b'd' => {
            let mut rest = &bytes[1..];
            let mut last: Option<&[u8]> = None;
            while *rest.first()? != b'e' {
                let (key, after) = string(rest)?;
                if last.is_some_and(|last| last >= key) {
                    return None;
                }
                last = Some(key);
                rest = value(after)?;
            }
            Some(&rest[1..])
        }
        _ => Some(string(bytes)?.1),
    }
}

fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let digits = &bytes[..colon];
    let length: usize = str::from_utf8(digits).ok()?.parse().ok()?;
    if !is_number(digits) {
        return None;
    }
    bytes[colon + 1..].split_at_checked(length)
}

/// The trackers' numbers are not negative.
fn is_number(digits: &[u8]) -> bool {
    let is_short = digits == b"0" || !digits.starts_with(b"0");
    is_short && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// One dictionary with sorted keys and nothing after it.
pub(super) fn is_dictionary(bytes: &[u8]) -> bool {
    bytes.starts_with(b"d") && value(bytes) == Some(&[])
}
