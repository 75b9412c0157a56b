//! PostgreSQL's `numeric` as decimal text.

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;

/// Reads the binary form: the number of digits in base 10,000, the weight of the first one, the
/// sign, the number of decimals to show, the digits.
pub(super) fn to_text(bytes: &[u8]) -> Result<String, String> {
    let broken = || "a broken numeric".to_owned();
    if bytes.len() < 8 || bytes.len() % 2 == 1 {
        return Err(broken());
    }
    let mut words =
        bytes.chunks_exact(2).map(|pair| u16::from_be_bytes(pair.try_into().unwrap_or_default()));
    let mut header = || words.next().ok_or_else(broken);
    let (count, weight, sign, decimals) = (header()?, header()?, header()?, header()?);
    match sign {
        NAN => return Ok("NaN".to_owned()),
        INFINITY => return Ok("inf".to_owned()),
        NEGATIVE_INFINITY => return Ok("-inf".to_owned()),
        _ => {}
    }
    let digits: Vec<u16> = words.collect();
    if digits.len() != usize::from(count) || digits.iter().any(|&digit| digit > 9999) {
        return Err(broken());
    }
    let weight = i32::from(weight.cast_signed());
    // The digit at a place before (0, -1 …) or after (1, 2 …) the decimal point; 0 where none was
    // sent.
    let digit = |place: i32| {
        usize::try_from(weight + place).ok().and_then(|at| digits.get(at)).copied().unwrap_or(0)
    };

    let mut text = String::new();
    if sign == NEGATIVE {
        text.push('-');
    }
    let first = if weight < 0 { 0 } else { -weight };
    text.push_str(&digit(first).to_string());
    for place in first + 1..=0 {
        text.push_str(&format!("{:04}", digit(place)));
    }
    if decimals > 0 {
        let mut fraction = String::new();
        for place in 1..=i32::from(decimals.div_ceil(4)) {
            fraction.push_str(&format!("{:04}", digit(place)));
        }
        fraction.truncate(usize::from(decimals));
        text.push('.');
        text.push_str(&fraction);
    }
    Ok(text)
}

/// The digits without zeros at the end of a fraction.
pub(super) fn without_zeros(digits: &str) -> &str {
    match digits.split_once('.') {
        Some((_, fraction)) if !fraction.contains(['e', 'E']) => {
            digits.trim_end_matches('0').trim_end_matches('.')
        }
        _ => digits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(words: &[i16]) -> Result<String, String> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        to_text(&bytes)
    }

    #[test]
    fn digits_stand_where_their_weight_says() {
        assert_eq!(numeric(&[0, 0, 0, 0]).unwrap(), "0");
        assert_eq!(numeric(&[1, 0, 0, 0, 42]).unwrap(), "42");
        assert_eq!(numeric(&[1, 1, 0x4000, 0, 7]).unwrap(), "-70000");
        assert_eq!(numeric(&[3, 1, 0, 2, 1, 2, 3400]).unwrap(), "10002.34");
        assert_eq!(numeric(&[1, -2, 0, 8, 5]).unwrap(), "0.00000005");
        assert_eq!(numeric(&[1, 0, 0, 3, 1]).unwrap(), "1.000");
        assert_eq!(without_zeros("1.000"), "1");
        assert_eq!(without_zeros("100"), "100");
        assert_eq!(without_zeros("0.50"), "0.5");
        assert_eq!(numeric(&[0, 0, 0xC000_u16.cast_signed(), 0]).unwrap(), "NaN");
    }

    #[test]
    fn broken_ones_are_errors() {
        assert!(to_text(&[]).is_err());
        assert!(to_text(&[0; 9]).is_err());
        assert!(numeric(&[2, 0, 0, 0, 1]).is_err());
        assert!(numeric(&[1, 0, 0, 0, 10_000]).is_err());
    }
}
