"""Units of measure and currencies: how people write them, and one name for each."""

from __future__ import annotations

_SPELLINGS = """
km: kms kilometer kilometers kilometre kilometres
m: meter meters metre metres
cm: cms centimeter centimeters centimetre centimetres
mm: millimeter millimeters millimetre millimetres
mile: mi miles
yard: yd yards
foot: ft feet
inch: inches
kg: kgs kilo kilos kilogram kilograms
g: gram grams
mg: milligram milligrams
lb: lbs
ounce: oz ounces
ton: tons tonne tonnes
l: liter liters litre litres
ml: milliliter milliliters millilitre millilitres
gallon: gal gallons
pint: pints
cup: cups
tablespoon: tbsp tablespoons
teaspoon: tsp teaspoons
celsius: centigrade
fahrenheit:
kelvin:
degree: degrees
mph:
kmh: kph
ms: millisecond milliseconds
sec: s secs seconds
minute: min mins minutes
hour: h hr hrs hours
day: days
week: wk wks weeks
month: mo months
year: yr years
decade: decades
century: centuries
kb: kilobyte kilobytes
mb: megabyte megabytes
gb: gigabyte gigabytes gig gigs
tb: terabyte terabytes
bit: bits
byte: bytes
mbps:
hz: hertz
mhz: megahertz
ghz: gigahertz
watt: w watts
kw: kilowatt kilowatts
kwh:
volt: v volts
amp: amps ampere amperes
calorie: calories kcal
joule: joules
pixel: px pixels
word: words
sentence: sentences
paragraph: paragraphs
page: pages
line: lines
bullet: bullets
times: time
percent: pct
acre: acres
hectare: ha hectares
USD: dollar dollars buck bucks
EUR: euro euros
GBP: quid sterling
POUND: pound pounds
JPY: yen
INR: rupee rupees rs
CNY: yuan rmb
CHF: franc francs
CENT: cent cents pence penny
BTC: bitcoin bitcoins
AUD:
CAD:
SEK:
NOK:
PLN: zloty
"""

UNITS: dict[str, str] = {}
for _line in _SPELLINGS.strip().splitlines():
    _unit, _, _others = _line.partition(":")
    UNITS |= dict.fromkeys([_unit.lower(), *_others.split()], _unit)

# A pound may be money or weight: both are shown under one name, and £ joins them.
UNITS |= {"gbp": "POUND", "quid": "POUND", "sterling": "POUND", "lb": "POUND", "lbs": "POUND"}

SIGNS = {"$": "USD", "€": "EUR", "£": "POUND", "¥": "JPY", "₹": "INR", "%": "percent"}
CODES = {word: unit for word, unit in UNITS.items() if len(word) == len("usd") and unit.isupper()}
