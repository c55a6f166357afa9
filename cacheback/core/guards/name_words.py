"""Names that are known in any spelling, other names of the same thing, and traps."""

from __future__ import annotations

from cacheback.core.words import word_set

_NATURAL_LANGUAGES = """
english german french spanish italian portuguese dutch swedish norwegian danish finnish icelandic
russian ukrainian polish czech slovak hungarian romanian bulgarian greek turkish arabic hebrew
persian farsi urdu hindi bengali punjabi tamil telugu thai vietnamese indonesian malay tagalog
chinese mandarin cantonese japanese korean latin swahili zulu amharic catalan basque welsh irish
gaelic croatian serbian slovenian albanian lithuanian latvian estonian esperanto afrikaans
mongolian nepali
"""
_COUNTRIES_AND_CONTINENTS = """
france germany spain italy portugal netherlands belgium luxembourg switzerland austria england
scotland wales ireland britain sweden norway denmark finland iceland russia ukraine poland czechia
slovakia hungary romania bulgaria greece turkey egypt israel iran iraq syria lebanon jordan saudi
qatar kuwait yemen oman india pakistan bangladesh nepal china japan korea taiwan thailand vietnam
indonesia malaysia philippines singapore cambodia laos myanmar mongolia australia canada mexico
brazil argentina chile peru colombia venezuela ecuador bolivia uruguay paraguay cuba jamaica haiti
kenya nigeria ghana ethiopia uganda tanzania rwanda morocco algeria tunisia libya sudan zambia
zimbabwe botswana namibia angola mozambique madagascar senegal cameroon congo croatia serbia
slovenia bosnia albania macedonia lithuania latvia estonia belarus kazakhstan uzbekistan
afghanistan usa uk america europe asia africa antarctica california texas florida alaska hawaii
ohio virginia arizona nevada oregon colorado utah michigan georgia scandinavia catalonia bavaria
quebec ontario
"""
_CITIES = """
paris london berlin madrid barcelona rome milan naples venice florence vienna zurich geneva bern
munich hamburg frankfurt cologne stuttgart amsterdam rotterdam brussels antwerp copenhagen
stockholm oslo helsinki reykjavik dublin edinburgh glasgow manchester liverpool birmingham bristol
oxford cambridge lisbon porto seville valencia athens istanbul ankara moscow kyiv warsaw krakow
prague budapest bucharest sofia belgrade zagreb tokyo osaka kyoto beijing shanghai shenzhen seoul
busan taipei bangkok hanoi jakarta manila delhi mumbai bangalore chennai kolkata karachi lahore
dhaka dubai doha riyadh tehran baghdad cairo nairobi lagos accra johannesburg casablanca sydney
melbourne brisbane auckland toronto vancouver montreal ottawa chicago boston seattle houston
dallas austin miami atlanta denver phoenix detroit philadelphia baltimore orlando portland
"""
_COMPUTING = """
python java javascript typescript c++ c# f# .net ruby kotlin scala haskell erlang elixir clojure
perl php matlab fortran cobol julia lua powershell bash zsh sql html css react angular vue svelte
jquery django flask fastapi laravel spring nodejs deno numpy pandas pytorch tensorflow keras
sklearn postgres mysql sqlite mariadb mongodb redis cassandra elasticsearch dynamodb oracle
snowflake bigquery docker kubernetes podman terraform ansible jenkins github gitlab bitbucket git
mercurial svn linux windows macos ubuntu debian fedora centos android ios iphone ipad macbook
chromebook aws azure gcp heroku vercel netlify cloudflare nginx kafka rabbitmq chatgpt gpt openai
claude anthropic gemini llama mistral copilot siri alexa chrome firefox safari gmail outlook
whatsapp telegram facebook instagram twitter tiktok youtube linkedin reddit snapchat pinterest
discord netflix spotify hulu paypal venmo stripe klarna photoshop illustrator excel powerpoint
vscode vim emacs pycharm intellij xcode jupyter json xml yaml csv toml pdf docx png jpg gif svg mp
ftp ssh http https grpc graphql
"""
_COMPANIES_AND_OTHERS = """
google microsoft amazon tesla nvidia intel amd ibm sony samsung huawei nokia toyota honda ford bmw
mercedes audi volkswagen porsche ferrari nike adidas ikea walmart costco starbucks mcdonalds visa
mastercard amex uber lyft airbnb ebay etsy alibaba disney pixar nintendo playstation xbox bitcoin
ethereum dogecoin litecoin solana nasdaq dow mercury venus mars jupiter saturn uranus neptune
pluto shakespeare einstein newton darwin mozart beethoven bach obama trump biden lincoln napoleon
christianity islam judaism buddhism hinduism ibuprofen aspirin paracetamol acetaminophen
penicillin amoxicillin insulin metformin
"""

# Other names for the same thing; the other side of "=" is what both are compared as.
_ALIASES = """
postgresql=postgres pg=postgres js=javascript ts=typescript k8s=kubernetes golang=go node=nodejs
py=python cpp=c++ csharp=c# mongo=mongodb chatgpt=chatgpt insta=instagram fb=facebook ig=instagram
us=usa america=usa american=usa americans=usa states=usa britain=uk british=uk kingdom=uk
england=england deutsch=german deutschland=germany espanol=spanish español=spanish francais=french
français=french italiano=italian france=france nyc=york holland=netherlands jpeg=jpg yml=yaml
osx=macos mac=macos macos=macos postgre=postgres peking=beijing kiev=kyiv bombay=mumbai
farsi=persian mandarin=chinese btc=bitcoin eth=ethereum acetaminophen=paracetamol european=europe
eu=europe ai=ai tv=tv
"""
_SAME_AS_COUNTRY = """
french=france german=germany spanish=spain italian=italy portuguese=portugal dutch=netherlands
swiss=switzerland austrian=austria swedish=sweden norwegian=norway danish=denmark finnish=finland
russian=russia ukrainian=ukraine polish=poland hungarian=hungary romanian=romania greek=greece
turkish=turkey egyptian=egypt indian=india pakistani=pakistan chinese=china japanese=japan
korean=korea thai=thailand vietnamese=vietnam indonesian=indonesia australian=australia
canadian=canada mexican=mexico brazilian=brazil argentinian=argentina irish=ireland
english=england icelandic=iceland african=africa asian=asia
"""


def _pairs(table: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in table.split())


ALIASES = _pairs(_ALIASES) | _pairs(_SAME_AS_COUNTRY)
# A word of the everyday language with the letters of a name: a name only where it has a capital.
CAPITAL_ONLY = word_set(
    "polish turkey china jordan georgia us spring oracle excel phoenix ford mercury mars visa "
    "ferry chad nice reading austin visa congo venice who it may march job august mobile apple "
    "go rust swift basic word access edge teams zoom meta target shell dart ruby crystal"
)
KNOWN = (
    frozenset(
        (
            _NATURAL_LANGUAGES
            + _COUNTRIES_AND_CONTINENTS
            + _CITIES
            + _COMPUTING
            + _COMPANIES_AND_OTHERS
        ).split()
    )
    - CAPITAL_ONLY
)
# Names that are everyday words; in lower case they count behind "in", "learn", "using".
AMBIGUOUS_TOOLS = word_set("go rust swift ruby dart basic excel word spring r c d")
# Said with a capital and without, or in capitals and without, they mean different things.
ACRONYM_TRAPS = word_set("us it who")
CASE_TRAPS = ACRONYM_TRAPS | word_set("polish turkey may march job nice reading august mobile")
# Written with capitals, and yet no names.
NO_NAMES = word_set(
    "i a ok okay faq asap fyi pls id atm pin tv diy eta am pm ps mr mrs ms dr app e "
    "yes no not and or hi hello hey thanks please api url ui it is are was the would could can "
    "will "
    "do does did have has what why when where how who if so but this that there my your we you he "
    "united union great republic city me just some something someone sir madam after before "
    "because "
    "she they then also in on at for from with to of as by all any help need want"
)
# Words that differ in nothing but an accent, which the embedder does not see.
ACCENT_TRAPS = word_set(
    "año años ano anos exposé expose pâté pate rosé rose maté mate saké sake papá papa sí si tú "
    "tu él "
    "el más mas está esta esté este schön schon drücken drucken zählen zahlen pêche péché où ou "
    "sûr "
    "sur côté cote pécheur pêcheur mamá mama público publico hablo habló cómo como qué que sé se "
    "té te dé de mí mi solo sólo fördern fordern können konnen müssen mussen lösen losen"
)
