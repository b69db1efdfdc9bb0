//! Amounts of resources in words a person reads at a glance.

/// Thousandths of a CPU, such as `250m`, `2` or `1.5`.
pub(crate) fn cpu_text(milli: i64) -> String {
    match milli {
        0 => "0".to_owned(),
        m if m % 1_000 == 0 => (m / 1_000).to_string(),
        m if m.abs() < 1_000 => format!("{m}m"),
        m => format!("{:.1}", m as f64 / 1_000.0),
    }
}

/// Bytes, such as `128Mi` or `1.5Gi`.
pub(crate) fn bytes_text(bytes: i64) -> String {
    let mut value = bytes as f64;
    let mut unit = "";
    for next in ["Ki", "Mi", "Gi", "Ti", "Pi"] {
        if value.abs() < 1_024.0 {
            break;
        }
        value /= 1_024.0;
        unit = next;
    }
    if value.fract().abs() < 0.05 || value.abs() >= 100.0 {
        format!("{value:.0}{unit}")
    } else {
        format!("{value:.1}{unit}")
    }
}

/// A share of a whole, in percent; none of nothing.
pub(crate) fn percent(part: i64, whole: i64) -> i64 {
    if whole <= 0 { 0 } else { part.saturating_mul(100) / whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short() {
        for (milli, text) in [(0, "0"), (250, "250m"), (1_000, "1"), (1_500, "1.5"), (64_000, "64"), (12_340, "12.3")] {
            assert_eq!(cpu_text(milli), text);
        }
        for (bytes, text) in [
            (0, "0"),
            (512, "512"),
            (1 << 20, "1Mi"),
            (134_217_728, "128Mi"),
            (1_610_612_736, "1.5Gi"),
            (274_877_906_944, "256Gi"),
        ] {
            assert_eq!(bytes_text(bytes), text);
        }
        assert_eq!([percent(1, 4), percent(5, 0), percent(0, 9)], [25, 0, 0]);
    }
}
