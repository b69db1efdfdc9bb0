//! Resource quantities: `500m`, `1.5Gi`, `3e2`.
//!
//! The rules are Kubernetes': at most nine decimals (finer ones round up, away from zero), magnitudes above 2^63 - 1
//! are cut to it, and the canonical form keeps the family of suffixes it was written in.

use std::fmt;

/// An amount of a resource, exact to a billionth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Format {
    DecimalSi,
    DecimalExponent,
    BinarySi,
}

/// Text that is no quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuantityError {
    /// It has not the form sign, digits, suffix.
    Format,
    /// Its suffix is unknown.
    Suffix,
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Format => {
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
            }
            Self::Suffix => "unable to parse quantity's suffix",
        })
    }
}

impl std::error::Error for QuantityError {}

const NANO: i128 = 1_000_000_000;
const MAX: i128 = i64::MAX as i128 * NANO;
const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
/// How many more decimals than a billionth's may count before a binary suffix: 2^60 is below 10^20.
const FINEST: i32 = 20;
const BINARY: [(&str, u32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

impl Quantity {
    /// Reads a quantity.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
            return Err(QuantityError::Format);
        }
        let (format, exponent, shift) = parse_suffix(suffix)?;
        // digits / 10^|fraction| * 10^exponent * 2^shift, in billionths; too many digits only ever saturate or round.
        let mut mantissa: i128 = 0;
        let mut scale = exponent;
        let mut sticky = false;
        let mut full = false;
        for (index, digit) in whole.bytes().chain(fraction.bytes()).enumerate() {
            let in_fraction = index >= whole.len();
            let digit = i128::from(digit - b'0');
            if !full && mantissa < 10i128.pow(28) {
                mantissa = mantissa * 10 + digit;
                scale -= i32::from(in_fraction);
            } else {
                full = true;
                sticky |= digit != 0;
                scale += i32::from(!in_fraction);
            }
        }
        let factor = 1i128 << shift;
        let mut power = scale.saturating_add(9);
        if shift > 0 && power < -FINEST {
            // So fine that a binary suffix does not bring it up to a billionth.
            let spare = 10i128.checked_pow(power.saturating_add(FINEST).unsigned_abs()).unwrap_or(i128::MAX);
            sticky |= mantissa % spare != 0;
            mantissa /= spare;
            power = -FINEST;
        }
        let nanos = if mantissa == 0 {
            i128::from(sticky)
        } else if power >= 0 {
            let scaled = 10i128.checked_pow(power.unsigned_abs()).and_then(|p| mantissa.checked_mul(p));
            scaled.and_then(|n| n.checked_mul(factor)).unwrap_or(i128::MAX)
        } else {
            // Whole parts and the rest apart: the product of both may be too large. That of the rest, which is below the
            // divisor, fits.
            let divisor = 10i128.checked_pow(power.unsigned_abs()).unwrap_or(i128::MAX);
            let rest = (mantissa % divisor).checked_mul(factor).unwrap_or(i128::MAX);
            let up = i128::from(rest % divisor != 0 || sticky);
            let whole = (mantissa / divisor).checked_mul(factor);
            whole.and_then(|n| n.checked_add(rest / divisor + up)).unwrap_or(i128::MAX)
        };
        let nanos = nanos.min(MAX);
        Ok(Self { nanos: if negative { -nanos } else { nanos }, format })
    }

    /// So many thousandths.
    pub const fn from_milli(milli: i64) -> Self {
        Self { nanos: milli as i128 * 1_000_000, format: Format::DecimalSi }
    }

    /// So many bytes, written with `Ki`, `Mi` and so on.
    pub const fn from_bytes(bytes: i64) -> Self {
        Self { nanos: bytes as i128 * NANO, format: Format::BinarySi }
    }

    /// A plain number.
    pub const fn from_value(value: i64) -> Self {
        Self { nanos: value as i128 * NANO, format: Format::DecimalSi }
    }

    /// So much of a resource as it is counted (thousandths of a cpu, whole units of all else), written as `self` is.
    #[must_use]
    pub fn counted(self, resource: &str, count: i64) -> Self {
        let unit = if resource.ends_with("cpu") { 1_000_000 } else { NANO };
        Self { nanos: i128::from(count) * unit, format: self.format }
    }

    /// Both together, written as `self` is unless that is nothing.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let format = if self.nanos == 0 { other.format } else { self.format };
        Self { nanos: (self.nanos + other.nanos).clamp(-MAX, MAX), format }
    }

    /// In whole units, rounded up (away from zero).
    pub fn value(self) -> i64 {
        scaled(self.nanos, NANO)
    }

    /// In thousandths, rounded up (away from zero), cut to what 64 bits hold.
    pub fn milli(self) -> i64 {
        scaled(self.nanos, 1_000_000)
    }

    /// Below, at or above zero.
    pub const fn signum(self) -> i32 {
        self.nanos.signum() as i32
    }

    /// Compares amounts, whatever their form.
    pub fn compare(self, other: Self) -> std::cmp::Ordering {
        self.nanos.cmp(&other.nanos)
    }

    /// Whether it is a whole number.
    pub const fn is_whole(self) -> bool {
        self.nanos % NANO == 0
    }
}

fn scaled(nanos: i128, unit: i128) -> i64 {
    let up = nanos.abs() / unit + i128::from(nanos % unit != 0);
    let up = i64::try_from(up).unwrap_or(i64::MAX);
    if nanos < 0 { -up } else { up }
}

fn parse_suffix(suffix: &str) -> Result<(Format, i32, u32), QuantityError> {
    if let Some((_, shift)) = BINARY.iter().find(|(s, _)| *s == suffix) {
        return Ok((Format::BinarySi, 0, *shift));
    }
    if let Some((_, exponent)) = DECIMAL.iter().find(|(s, _)| *s == suffix) {
        return Ok((Format::DecimalSi, *exponent, 0));
    }
    if let Some(exponent) = suffix.strip_prefix(['e', 'E']) {
        let exponent: i32 = exponent.parse().map_err(|_| QuantityError::Suffix)?;
        return Ok((Format::DecimalExponent, exponent.clamp(-1_000, 1_000), 0));
    }
    let allowed = |c: char| "eEinumkKMGTP+-0123456789".contains(c);
    Err(if suffix.chars().all(allowed) { QuantityError::Suffix } else { QuantityError::Format })
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        let mut format = self.format;
        // Binary suffixes cannot express fractions; amounts below 1024 look the same in both families.
        if format == Format::BinarySi && (self.nanos.abs() < 1024 * NANO || self.nanos % NANO != 0) {
            format = Format::DecimalSi;
        }
        if format == Format::BinarySi {
            let mut value = self.nanos / NANO;
            let mut suffix = "";
            for (next, _) in BINARY {
                if value % 1024 != 0 {
                    break;
                }
                value /= 1024;
                suffix = next;
            }
            return write!(f, "{value}{suffix}");
        }
        let mut value = self.nanos;
        let mut exponent = -9;
        while value % 1000 == 0 && exponent < 18 {
            value /= 1000;
            exponent += 3;
        }
        if format == Format::DecimalExponent {
            return if exponent == 0 { write!(f, "{value}") } else { write!(f, "{value}e{exponent}") };
        }
        let suffix = DECIMAL.iter().find(|(_, e)| *e == exponent).map_or("", |(s, _)| s);
        write!(f, "{value}{suffix}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_and_written_as_kubernetes_does() {
        for (text, canonical, milli, value) in [
            ("0", "0", 0, 0),
            ("1", "1", 1_000, 1),
            ("500m", "500m", 500, 1),
            ("1500m", "1500m", 1_500, 2),
            ("64000m", "64", 64_000, 64),
            ("0.1", "100m", 100, 1),
            (".5", "500m", 500, 1),
            ("5.", "5", 5_000, 5),
            ("+2", "2", 2_000, 2),
            ("-1.5", "-1500m", -1_500, -2),
            ("1k", "1k", 1_000_000, 1_000),
            ("1000k", "1M", 1_000_000_000, 1_000_000),
            ("1Ki", "1Ki", 1_024_000, 1_024),
            ("1024Mi", "1Gi", 1_073_741_824_000, 1_073_741_824),
            ("262144Mi", "256Gi", 274_877_906_944_000, 274_877_906_944),
            ("1.5Gi", "1536Mi", 1_610_612_736_000, 1_610_612_736),
            ("0.5Ki", "512", 512_000, 512),
            ("1e3", "1e3", 1_000_000, 1_000),
            ("12E2", "1200", 1_200_000, 1_200),
            ("1E", "1E", i64::MAX, 1_000_000_000_000_000_000),
            // 1.58922337203685477580 x 2^60, to the billionth, rounded up.
            ("1.58922337203685477580Ei", "1832249801245097549054007085n", i64::MAX, 1_832_249_801_245_097_550),
            ("0.00000000000000000000000000000000000000000000000001Ei", "1n", 1, 1),
            ("1.00000000000000000000000000000000000000000000000001", "1000000001n", 1_001, 2),
            ("100E", "9223372036854775807", i64::MAX, i64::MAX),
            ("1n", "1n", 1, 1),
            ("0.1n", "1n", 1, 1),
            ("1u", "1u", 1, 1),
            ("0.0001Ki", "102400u", 103, 1),
        ] {
            let quantity = Quantity::parse(text).expect(text);
            assert_eq!(quantity.to_string(), canonical, "{text}");
            assert_eq!(quantity.milli(), milli, "{text} in thousandths");
            assert_eq!(quantity.value(), value, "{text} in units");
            assert_eq!(Quantity::parse(canonical).expect(canonical).to_string(), canonical, "canonical form is stable");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "-", "m", "1.2.3", "one", "1 Gi", "1GiB", "0x10", "1e", "1e+", "1Kb", "--1", "1i", "9\u{661}"]
        {
            assert!(Quantity::parse(text).is_err(), "{text}");
        }
    }
}
