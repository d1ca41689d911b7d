//! Writes one JSON object, its members in the order in which they are added.

use std::fmt::Write;

#[derive(Default)]
pub(crate) struct Object {
    members: String,
}

impl Object {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn integer(self, name: &str, value: u64) -> Self {
        self.member(name, &value.to_string())
    }

    /// Numbers that JSON cannot say (no answers, division by zero) become `null`.
    pub(crate) fn number(self, name: &str, value: f64) -> Self {
        if value.is_finite() {
            self.member(name, &format!("{value:.6}"))
        } else {
            self.member(name, "null")
        }
    }

    pub(crate) fn text(self, name: &str, value: &str) -> Self {
        let quoted = quote(value);
        self.member(name, &quoted)
    }

    pub(crate) fn object(self, name: &str, value: &Self) -> Self {
        self.member(name, &value.to_string())
    }

    fn member(mut self, name: &str, value: &str) -> Self {
        if !self.members.is_empty() {
            self.members.push_str(", ");
        }
        self.members.push_str(&quote(name));
        self.members.push_str(": ");
        self.members.push_str(value);
        self
    }
}

impl std::fmt::Display for Object {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{{{}}}", self.members)
    }
}

fn quote(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\0'..='\x1f' => {
                let written = write!(quoted, "\\u{:04x}", u32::from(character));
                assert!(written.is_ok(), "a string takes all writes");
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::Object;

    #[test]
    fn members_keep_their_order_and_texts_are_escaped() {
        let inner = Object::new().number("x", 1.5);
        let object = Object::new()
            .text("b", "say \"no\"\\\n")
            .integer("a", u64::MAX)
            .number("nan", f64::NAN)
            .object("o", &inner);
        assert_eq!(
            object.to_string(),
            "{\"b\": \"say \\\"no\\\"\\\\\\u000a\", \"a\": 18446744073709551615, \
             \"nan\": null, \"o\": {\"x\": 1.500000}}"
        );
    }
}
