//! Label selectors: from text (`app=web,tier in (a,b),!gone`), from a map, from a `LabelSelector`.

use crate::order;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use std::collections::BTreeMap;
use std::fmt;

/// What one label must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Requirement {
    In(String, order::Set<String>),
    NotIn(String, order::Set<String>),
    Exists(String),
    DoesNotExist(String),
    GreaterThan(String, i64),
    LessThan(String, i64),
}

impl Requirement {
    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let number = |key: &String| labels.get(key).and_then(|v| v.parse::<i64>().ok());
        match self {
            Self::In(key, values) => labels.get(key).is_some_and(|v| values.contains(v)),
            Self::NotIn(key, values) => labels.get(key).is_none_or(|v| !values.contains(v)),
            Self::Exists(key) => labels.contains_key(key),
            Self::DoesNotExist(key) => !labels.contains_key(key),
            Self::GreaterThan(key, bound) => number(key).is_some_and(|n| n > *bound),
            Self::LessThan(key, bound) => number(key).is_some_and(|n| n < *bound),
        }
    }
}

/// All of its requirements must hold; one without any selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector {
    requirements: Vec<Requirement>,
    nothing: bool,
}

/// A selector that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorError(pub String);

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SelectorError {}

impl Selector {
    /// Selects everything.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Selects nothing.
    pub fn nothing() -> Self {
        Self { requirements: Vec::new(), nothing: true }
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty() && !self.nothing
    }

    /// Each label as in `map`; an empty map selects everything.
    pub fn from_map(map: &BTreeMap<String, String>) -> Self {
        let requirements =
            map.iter().map(|(k, v)| Requirement::In(k.clone(), std::iter::once(v.clone()).collect())).collect();
        Self { requirements, nothing: false }
    }

    /// As Kubernetes' structure says; an empty one selects everything.
    pub fn from_label_selector(selector: &LabelSelector) -> Result<Self, SelectorError> {
        let mut result = Self::from_map(selector.match_labels.as_ref().unwrap_or(&BTreeMap::new()));
        for expression in selector.match_expressions.iter().flatten() {
            let key = expression.key.clone();
            let values: order::Set<_> = expression.values.iter().flatten().cloned().collect();
            result.requirements.push(match expression.operator.as_str() {
                "In" | "NotIn" if values.is_empty() => {
                    return Err(SelectorError("for 'in', 'notin' operators, values set can't be empty".to_owned()));
                }
                "Exists" | "DoesNotExist" if !values.is_empty() => {
                    return Err(SelectorError("values set must be empty for exists and does not exist".to_owned()));
                }
                "In" => Requirement::In(key, values),
                "NotIn" => Requirement::NotIn(key, values),
                "Exists" => Requirement::Exists(key),
                "DoesNotExist" => Requirement::DoesNotExist(key),
                other => return Err(SelectorError(format!("\"{other}\" is not a valid label selector operator"))),
            });
        }
        Ok(result)
    }

    /// Wants a label to have that value besides, or not to have it.
    pub fn demand(&mut self, key: &str, value: &str, has: bool) {
        let (key, values) = (key.to_owned(), [value.to_owned()].into_iter().collect());
        self.requirements.push(if has { Requirement::In(key, values) } else { Requirement::NotIn(key, values) });
    }

    /// Whether these labels are selected.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        !self.nothing && self.requirements.iter().all(|r| r.matches(labels))
    }

    /// Reads the text form: comma-separated `k`, `!k`, `k=v`, `k==v`, `k!=v`, `k in (a,b)`, `k notin (a,b)`, `k>n`, `k<n`.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut parser = Parser { tokens: tokens(text), at: 0 };
        let mut requirements = Vec::new();
        match parser.peek() {
            Token::End => return Ok(Self::default()),
            Token::Word(_) | Token::Not => {}
            other => {
                return Err(SelectorError(format!("found '{other}', expected: !, identifier, or 'end of string'")));
            }
        }
        loop {
            requirements.push(parser.requirement()?);
            match parser.next() {
                Token::Comma if matches!(parser.peek(), Token::Word(_) | Token::Not) => {}
                Token::Comma => {
                    return Err(unparsable(&format!("found '{}', expected: identifier after ','", parser.peek())));
                }
                Token::End => return Ok(Self { requirements, nothing: false }),
                other => return Err(unparsable(&format!("found '{other}', expected: ',' or 'end of string'"))),
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Comma,
    Open,
    Close,
    Not,
    Equals(&'a str),
    NotEquals,
    Greater,
    Less,
    End,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Word(w) | Self::Equals(w) => w,
            Self::Comma => ",",
            Self::Open => "(",
            Self::Close => ")",
            Self::Not => "!",
            Self::NotEquals => "!=",
            Self::Greater => ">",
            Self::Less => "<",
            Self::End => "",
        })
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut list = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let special = ["==", "!=", "=", "!", ",", "(", ")", ">", "<"].into_iter().find(|s| rest.starts_with(s));
        let length = if let Some(s) = special {
            list.push(match s {
                "=" | "==" => Token::Equals(s),
                "!=" => Token::NotEquals,
                "!" => Token::Not,
                "," => Token::Comma,
                "(" => Token::Open,
                ")" => Token::Close,
                ">" => Token::Greater,
                _ => Token::Less,
            });
            s.len()
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || "=!,()<>".contains(c)).unwrap_or(rest.len());
            list.push(Token::Word(&rest[..end]));
            end
        };
        rest = rest[length..].trim_start();
    }
    list.push(Token::End);
    list
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &Token<'a> {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    fn next(&mut self) -> Token<'a> {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let negated = *self.peek() == Token::Not;
        if negated {
            self.next();
        }
        let key = match self.next() {
            Token::Word(word) => word.to_owned(),
            other => return Err(unparsable(&format!("found '{other}', expected: identifier"))),
        };
        check_key(&key)?;
        if negated {
            return Ok(Requirement::DoesNotExist(key));
        }
        match self.peek().clone() {
            Token::End | Token::Comma => Ok(Requirement::Exists(key)),
            Token::Equals(_) => {
                self.next();
                Ok(Requirement::In(key, std::iter::once(self.value()?).collect()))
            }
            Token::NotEquals => {
                self.next();
                Ok(Requirement::NotIn(key, std::iter::once(self.value()?).collect()))
            }
            Token::Greater => {
                self.next();
                Ok(Requirement::GreaterThan(key, self.number()?))
            }
            Token::Less => {
                self.next();
                Ok(Requirement::LessThan(key, self.number()?))
            }
            Token::Word(word @ ("in" | "notin")) => {
                self.next();
                let values = self.values()?;
                Ok(if word == "in" { Requirement::In(key, values) } else { Requirement::NotIn(key, values) })
            }
            other => Err(unparsable(&format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt"))),
        }
    }

    fn value(&mut self) -> Result<String, SelectorError> {
        let value = match self.peek().clone() {
            Token::Word(word) => {
                self.next();
                word.to_owned()
            }
            Token::End | Token::Comma => String::new(),
            other => return Err(unparsable(&format!("found '{other}', expected: identifier"))),
        };
        check_value(&value)?;
        Ok(value)
    }

    fn number(&mut self) -> Result<i64, SelectorError> {
        let value = self.value()?;
        value.parse().map_err(|_| {
            unparsable(&format!(
                "values[0][{value}]: Invalid value: \"{value}\": for 'Gt', 'Lt' operators, the value must be an integer"
            ))
        })
    }

    fn values(&mut self) -> Result<order::Set<String>, SelectorError> {
        if self.next() != Token::Open {
            return Err(unparsable("expected: '('"));
        }
        let mut values = order::Set::new();
        loop {
            match self.next() {
                Token::Word(word) => {
                    check_value(word)?;
                    values.insert(word.to_owned());
                    match self.next() {
                        Token::Comma => {}
                        Token::Close => return Ok(values),
                        other => return Err(unparsable(&format!("found '{other}', expected: ',' or ')'"))),
                    }
                }
                Token::Comma => {
                    values.insert(String::new());
                }
                Token::Close => {
                    values.insert(String::new());
                    return Ok(values);
                }
                other => return Err(unparsable(&format!("found '{other}', expected: ',', ')' or identifier"))),
            }
        }
    }
}

fn unparsable(what: &str) -> SelectorError {
    SelectorError(format!("unable to parse requirement: {what}"))
}

fn check_key(key: &str) -> Result<(), SelectorError> {
    let errors = super::names::qualified_name_errors(key);
    if errors.is_empty() {
        return Ok(());
    }
    Err(SelectorError(format!("unable to parse requirement: <nil>: Invalid value: \"{key}\": {}", errors.join("; "))))
}

fn check_value(value: &str) -> Result<(), SelectorError> {
    match super::names::label_value_error(value) {
        None => Ok(()),
        Some(error) => {
            Err(SelectorError(format!("unable to parse requirement: values[0][]: Invalid value: \"{value}\": {error}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> BTreeMap<String, String> {
        text.split(',').filter_map(|p| p.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    #[test]
    fn selectors_select_what_they_say() {
        for (selector, given, expected) in [
            ("", "", true),
            ("", "a=1", true),
            ("a=1", "a=1,b=2", true),
            ("a=1", "a=2", false),
            ("a==1,b!=2", "a=1,b=3", true),
            ("a==1,b!=2", "a=1", true),
            ("a!=1", "a=1", false),
            ("a in (1, 2)", "a=2", true),
            ("a in (1,2)", "a=3", false),
            ("a notin (1,2)", "", true),
            ("a notin (1,2)", "a=1", false),
            ("a", "a=", true),
            ("a", "b=", false),
            ("!a", "b=", true),
            ("!a", "a=", false),
            ("a>3", "a=4", true),
            ("a>3", "a=3", false),
            ("a<3", "a=x", false),
            ("a=", "a=", true),
            ("x.io/y=z, t", "x.io/y=z,t=1", true),
        ] {
            let parsed = Selector::parse(selector).expect(selector);
            assert_eq!(parsed.matches(&labels(given)), expected, "{selector} on {given}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in
            ["=a", "a in", "a in (", "a in 1", "a,,b", "a b", "a>x", "!", "a=b=c", "a/b/c=d", "-a=1", "a=b!", ",a"]
        {
            assert!(Selector::parse(text).is_err(), "{text}");
        }
    }
}
