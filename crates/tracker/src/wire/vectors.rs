//! Reads the shared vectors of `tests/vectors/tracker`.

/// The value under `name`, its lines joined, of a `.hex` file.
pub(crate) fn hex(file: &str, name: &str) -> Vec<u8> {
    let digits: String = values(file, name).split_whitespace().collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("two hexadecimal digits"))
        .collect()
}

/// The value under `name` of a `.txt` file.
pub(crate) fn text(file: &str, name: &str) -> Vec<u8> {
    let value = values(file, name);
    let mut pieces = value.trim().split('%');
    let mut bytes = pieces.next().map(Vec::from).unwrap_or_default();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).expect("two hexadecimal digits"));
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    bytes
}

fn values(file: &str, name: &str) -> String {
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    let values: Vec<_> = lines
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        .collect();
    assert!(!values.is_empty(), "no `{name}` in the vector");
    values.join(" ")
}
