"""Opposites, one axis a line, its sides set apart by bars; inflections are found by stem.

`PAIRS` are antonyms: "pros and cons" differs from "pros", too. `COMPLEMENTS`
are antonyms of which one is the other denied: not right is wrong. `SIBLINGS` are
kinds of one thing: texts differ when they name kinds and have none in common. A verb with a
particle is written with an underscore; the particle may stand up to four words behind its verb.
"""

from __future__ import annotations

PARTICLES = "on off in out up down"

PAIRS = """
enable activate turn_on switch_on activation | disable deactivate turn_off switch_off deactivation
turn_up | turn_down
increase raise rise grow higher increment | decrease reduce lower drop fall shrink decrement
maximum max maximize maximal maximise | minimum min minimize minimal minimise
buy purchase | sell sale
import | export
encrypt encryption encode encoding | decrypt decryption decode decoding
compress zip zipping compression | decompress unzip extract decompression
serialize serialise | deserialize deserialise
marshal | unmarshal
add addition append insert | remove removal delete deletion subtract drop
install installation | uninstall uninstallation
login log_in sign_in signin | logout log_out sign_out signout logoff log_off
opt_in | opt_out
zoom_in | zoom_out
scale_up | scale_down
check_in checkin | check_out checkout
clock_in | clock_out
roll_out | roll_back
speed_up accelerate faster | slow_down decelerate slower
plug_in plug | unplug
fade_in | fade_out
start begin beginning launch commence | stop end finish ending terminate
pro pros advantage benefit upside strength | con cons disadvantage drawback downside weakness
deposit | withdraw withdrawal
top_up topup topping | withdraw withdrawal
send sender sending | receive receiver receiving recipient
sent | received
lock locking | unlock unlocking
block blocking | unblock unblocking
load loading | unload unloading
undo revert | redo
underfit underfitting | overfit overfitting
freeze | unfreeze defrost thaw
mute | unmute
subscribe subscription | unsubscribe
follow | unfollow
friend | unfriend
connect connection | disconnect
mount | unmount
pack | unpack
link | unlink
hide | unhide show reveal
pin | unpin
tag | untag
wrap | unwrap
fold | unfold
dress | undress
bind | unbind
register | unregister deregister
archive | unarchive
attach | detach
assemble | disassemble
engage | disengage
appear | disappear vanish
expand | collapse contract
include including inclusive | exclude excluding exclusive
push | pull
upload | download
upgrade | downgrade
upstream | downstream
uplink | downlink
inbound incoming | outbound outgoing
input | output
inner inside interior internal indoor | outer outside exterior external outdoor
entrance entry enter | exit leave
arrive arrival | depart departure
left | right
top upper uppermost | bottom lowermost
up upward | down downward
front | back rear
horizontal horizontally | vertical vertically
row | column
north northern | south southern
east eastern | west western
northeast | southwest
clockwise | counterclockwise anticlockwise
forward forwards | backward backwards reverse
ascending asc | descending desc
before prior | after
early earlier earliest | late later latest
first | last
previous | next
past | future
old older oldest elderly | new newer newest young younger youngest
ancient | modern
junior | senior
big bigger biggest large larger largest huge | small smaller smallest tiny little
tall taller tallest | short shorter shortest
long longer longest | short shorter shortest brief
high higher highest | low lower lowest
wide wider widest | narrow narrower narrowest
deep deeper deepest | shallow shallower shallowest
thick thicker thickest | thin thinner thinnest
heavy heavier heaviest | light lighter lightest
light lighter bright brighter | dark darker dim
fast faster fastest quick quicker quickest | slow slower slowest
hot hotter hottest warm warmer warmest | cold colder coldest cool cooler coolest
heat heating | cool cooling
hard harder hardest difficult | easy easier easiest simple
hard | soft
strong stronger strongest | weak weaker weakest
rich richer richest wealthy | poor poorer poorest
cheap cheaper cheapest | expensive costly pricey
better | worse
best | worst
more | less fewer
most | least fewest
many much | few little
plus | minus
positive | negative
asset | liability
profit gain | loss
win winner | lose loser
revenue income earning | expense expenditure cost
supply | demand
lend lender | borrow borrower
landlord lessor | tenant lessee
employer | employee
teacher teach teaching | student learn learning
doctor | patient
parent | child children
ancestor | descendant
husband | wife
mother mum mom | father dad
brother | sister
son | daughter
uncle | aunt
nephew | niece
boy | girl
man men male gentleman | woman women female lady
king | queen
prince | princess
bride | groom
he him his | she her hers
hero | villain
attack offense offence offensive | defend defense defence defensive
war | peace
birth born | death die died
wet | dry
sharp | blunt dull
loud louder | quiet quieter
rough | smooth
raw | cooked
ripe | unripe
sweet | sour bitter
acid acidic | alkaline alkali
boil boiling | freeze freezing
melt melting | freeze freezing
evaporate evaporation | condense condensation
inhale | exhale
hire recruit | fire dismiss layoff
marry marriage | divorce
create creating creation | delete destroy deletion
build | destroy demolish
save | spend waste
gain | lose
earn | spend
remember | forget
agree agreement | disagree disagreement
love | hate
praise | criticize criticise
admit | deny
confirm | cancel
keep | discard
join | leave quit
merge join | split separate
combine | separate
lift | lower
tighten | loosen
strengthen | weaken
widen | narrow
shorten | lengthen extend
simplify | complicate
underestimate | overestimate
undercharge | overcharge
underweight | overweight obese
insert | eject remove
synchronous sync synchronously | asynchronous async asynchronously
mutable | immutable
static | dynamic
local | global remote
online | offline
manual manually | automatic automatically
temporary temporarily | permanent permanently
domestic national | international foreign
urban | rural
amateur | professional
absolute | relative
abstract | concrete
major majority | minor minority
maximum | minimum
objective | subjective
optimist optimistic optimism | pessimist pessimistic pessimism
introvert introverted | extrovert extroverted
singular | plural
prefix | suffix
uppercase capitalize | lowercase
odd | even
numerator | denominator
multiply multiplication | divide division
integral integrate integration | derivative differentiate differentiation
parallel | serial sequential
client | server
frontend | backend
read reader reading | write writer writing
lossy | lossless
wired | wireless
gross | net
wholesale | retail
bull bullish | bear bearish
mortal | immortal
predator | prey
herbivore | carnivore
flora | fauna
cause | effect
theory | practice
quantity | quality
sunrise | sunset
day | night
above over | below beneath underneath
with | without
if | unless
always | never
often frequently | rarely seldom
everyone everybody | nobody
absent absence | present presence
natural | artificial synthetic
original | copy fake counterfeit
real | fake
single unmarried | married
vegan vegetarian | carnivorous
homozygous | heterozygous
benign | malignant
acute | chronic
hyper hypertension | hypo hypotension
hyperglycemia | hypoglycemia
hyperthyroidism | hypothyroidism
systolic | diastolic
artery | vein
dorsal | ventral
convex | concave
centripetal | centrifugal
reactant | product
endothermic | exothermic
anode | cathode
mitosis | meiosis
"""

COMPLEMENTS = """
correct right | incorrect wrong
true | false
safe | dangerous unsafe
legal lawful | illegal unlawful
guilty | innocent
success succeed successful | failure fail unsuccessful
pass | fail
healthy | sick ill unhealthy
allowed permitted | forbidden prohibited banned
accepted approved | rejected declined refused
allow permit enable | block deny forbid prohibit prevent disallow ban
accept approve | reject decline refuse
alive live living | dead die dying death
good | bad
public | private
open opened opening | close closing closed shut
full | empty
clean | dirty
optional | mandatory required obligatory compulsory
"""

SIBLINGS = """
celsius centigrade | fahrenheit | kelvin
km kilometer kilometre | mile
cm centimeter centimetre | inch
m meter metre | foot feet | yard
kg kilo kilogram | lb lbs pound | ounce oz
liter litre | gallon | pint
dollar usd | euro eur | pound gbp sterling | yen jpy | rupee inr | yuan rmb | franc chf | peso
bold | italic | underline
simple | compound
after | within
merge | delete | rename
haiku | sonnet | limerick
credit | debit | prepaid
transfer | withdraw withdrawal atm | topup top_up | refund | exchange | payment purchase pay
physical | virtual digital disposable
visa | mastercard amex
pin passcode | password | username
checking current | savings saving
email mail | phone telephone call | sms text
breakfast | lunch | dinner supper
appetizer starter | dessert
child kid kids children | adult adults | teenager teen teens
dog dogs puppy | cat cats kitten | horse horses | bird birds | fish
cow | pig | sheep | goat | chicken
red | green | blue | yellow | orange | purple | black | white | brown | pink | grey gray
gold | silver | bronze | copper | platinum
circle | square | triangle | rectangle | sphere | cube | cylinder | cone
area | volume | perimeter circumference
radius | diameter
width | height | depth | length
mean average | median | mode
formal | informal casual
bus | train | plane flight | car taxi | boat ship ferry | bike bicycle
hotel | flight | restaurant
singer | actor actress | writer author | painter
president | chancellor | minister | governor | mayor | ceo | cto | cfo
capital | currency | population | flag | anthem
birthday birthplace | death
weather | time | traffic
mercury | venus | mars | jupiter | saturn | uranus | neptune | pluto
hydrogen | helium | oxygen | nitrogen | carbon | sodium | chlorine
proton | neutron | electron
solid | liquid | gas
viral virus | bacterial bacteria | fungal fungus
heart | liver | kidney | lung | brain | stomach
knee | elbow | shoulder | wrist | ankle | hip
calories | protein | carbs carbohydrates | sugar | fiber fibre | sodium
beef | pork | chicken | turkey | lamb
tea | coffee | milk | beer | wine
guitar | piano | violin | drums
football soccer | basketball | baseball | tennis | golf | cricket | rugby | hockey
chess | checkers | poker
passport | licence license | visa
android | ios
tuple | list | dict dictionary
integer int | float double | string | boolean bool
stack | queue
class | function | variable | module
tcp | udp
commit | branch | stash | tag
table | index | view | schema
noun | verb | adjective | adverb
should ought | must
"""
