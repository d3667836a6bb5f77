//! Bars, drawn as SVG. The parts of a bar stand in one order, framed and with their numbers, and a table below says the same: no
//! meaning rests on colour alone.

use plotters::coord::Shift;
use plotters::prelude::*;

/// The parts of a bar, from the axis on: the palette of Okabe and Ito, which people who see colours otherwise can tell
/// apart, ordered so that neighbours differ in lightness too.
pub const PARTS: [(&str, RGBColor); 7] = [
    ("content", RGBColor(0, 114, 178)),
    ("non-content", RGBColor(86, 180, 233)),
    ("no data", RGBColor(221, 221, 221)),
    ("rejected", RGBColor(213, 94, 0)),
    ("treaty route", RGBColor(240, 228, 66)),
    ("lapsed", RGBColor(136, 136, 136)),
    ("pending", RGBColor(255, 255, 255)),
];

/// One bar: its name, and the numbers of its parts.
pub struct Bar {
    pub name: String,
    pub parts: [u64; 7],
}

impl Bar {
    fn total(&self) -> u64 {
        self.parts.iter().sum()
    }
}

const WIDTH: u32 = 860;
const NAMES: i32 = 230;
const ROW: i32 = 34;
const HEAD: i32 = 34;

/// Lying bars, one under the other, each as long as its number; none if there is nothing to draw.
pub fn bars(bars: &[Bar]) -> Option<String> {
    let longest = bars.iter().map(Bar::total).max().filter(|longest| *longest > 0)?;
    let height = (HEAD + ROW * bars.len() as i32 + 8) as u32;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        draw(&root, bars, longest).ok()?;
        root.present().ok()?;
    }
    Some(svg)
}

type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

fn draw<'a>(root: &DrawingArea<SVGBackend<'a>, Shift>, bars: &[Bar], longest: u64) -> Drawn<'a> {
    root.fill(&WHITE)?;
    let words = ("sans-serif", 17).into_font().color(&BLACK);
    legend(root)?;
    let room = f64::from(WIDTH as i32 - NAMES - 50);
    for (place, bar) in bars.iter().enumerate() {
        let top = HEAD + ROW * place as i32;
        root.draw(&Text::new(bar.name.clone(), (6, top + 7), words.clone()))?;
        let mut before = 0u64;
        let at = |number: u64| NAMES + (room * number as f64 / longest as f64).round() as i32;
        for ((_, colour), number) in PARTS.iter().zip(bar.parts) {
            if number == 0 {
                continue;
            }
            let (left, right) = (at(before), at(before + number));
            let corners = [(left, top + 3), (right, top + ROW - 8)];
            root.draw(&Rectangle::new(corners, colour.filled()))?;
            root.draw(&Rectangle::new(corners, BLACK.stroke_width(1)))?;
            // Where it fits, the number itself.
            if right - left >= 8 * (number.to_string().len() as i32) + 8 {
                let dark = i32::from(colour.0) * 2 + i32::from(colour.1) * 5 + i32::from(colour.2) < 8 * 100;
                let ink = if dark { WHITE } else { BLACK };
                let style = ("sans-serif", 16).into_font().color(&ink);
                root.draw(&Text::new(number.to_string(), (left + 5, top + 8), style))?;
            }
            before += number;
        }
        let total = bar.total().to_string();
        root.draw(&Text::new(total, (at(before) + 6, top + 7), words.clone()))?;
    }
    Ok(())
}

fn legend<'a>(root: &DrawingArea<SVGBackend<'a>, Shift>) -> Drawn<'a> {
    let mut left = 6;
    for (name, colour) in PARTS {
        let corners = [(left, 8), (left + 14, 22)];
        root.draw(&Rectangle::new(corners, colour.filled()))?;
        root.draw(&Rectangle::new(corners, BLACK.stroke_width(1)))?;
        let style = ("sans-serif", 17).into_font().color(&BLACK);
        root.draw(&Text::new(name, (left + 19, 8), style))?;
        left += 19 + 9 * name.len() as i32 + 18;
    }
    Ok(())
}
