"""Shared enumerations: countries with their calling codes, states of the USA, currencies.

Sources: ISO 3166-1 and 4217; names as in the tz database, which is in the public domain; ITU E.164 codes.
"""

from __future__ import annotations

_COUNTRIES = """
AD AND 376 Andorra / AE ARE 971 United Arab Emirates;UAE / AF AFG 93 Afghanistan / AG ATG 1 Antigua and Barbuda
AI AIA 1 Anguilla / AL ALB 355 Albania / AM ARM 374 Armenia / AO AGO 244 Angola / AQ ATA 0 Antarctica
AR ARG 54 Argentina / AS ASM 1 Samoa (American) / AT AUT 43 Austria / AU AUS 61 Australia / AW ABW 297 Aruba
AX ALA 358 Åland Islands / AZ AZE 994 Azerbaijan / BA BIH 387 Bosnia and Herzegovina / BB BRB 1 Barbados
BD BGD 880 Bangladesh / BE BEL 32 Belgium / BF BFA 226 Burkina Faso / BG BGR 359 Bulgaria / BH BHR 973 Bahrain
BI BDI 257 Burundi / BJ BEN 229 Benin / BL BLM 590 St Barthelemy / BM BMU 1 Bermuda / BN BRN 673 Brunei
BO BOL 591 Bolivia;Plurinational State of Bolivia / BQ BES 599 Caribbean NL / BR BRA 55 Brazil / BS BHS 1 Bahamas
BT BTN 975 Bhutan / BV BVT 0 Bouvet Island / BW BWA 267 Botswana / BY BLR 375 Belarus / BZ BLZ 501 Belize
CA CAN 1 Canada / CC CCK 61 Cocos (Keeling) Islands / CD COD 243 Congo (Dem. Rep.);Democratic Republic of the Congo
CF CAF 236 Central African Rep. / CG COG 242 Congo (Rep.);Congo / CH CHE 41 Switzerland
CI CIV 225 Côte d'Ivoire;Ivory Coast / CK COK 682 Cook Islands / CL CHL 56 Chile / CM CMR 237 Cameroon
CN CHN 86 China / CO COL 57 Colombia / CR CRI 506 Costa Rica / CU CUB 53 Cuba / CV CPV 238 Cape Verde
CW CUW 599 Curaçao / CX CXR 61 Christmas Island / CY CYP 357 Cyprus / CZ CZE 420 Czech Republic;Czechia
DE DEU 49 Germany / DJ DJI 253 Djibouti / DK DNK 45 Denmark / DM DMA 1 Dominica / DO DOM 1 Dominican Republic
DZ DZA 213 Algeria / EC ECU 593 Ecuador / EE EST 372 Estonia / EG EGY 20 Egypt / EH ESH 212 Western Sahara
ER ERI 291 Eritrea / ES ESP 34 Spain / ET ETH 251 Ethiopia / FI FIN 358 Finland / FJ FJI 679 Fiji
FK FLK 500 Falkland Islands / FM FSM 691 Micronesia / FO FRO 298 Faroe Islands / FR FRA 33 France / GA GAB 241 Gabon
GB GBR 44 Britain (UK);United Kingdom;Great Britain;England;Scotland;Wales / GD GRD 1 Grenada / GE GEO 995 Georgia
GF GUF 594 French Guiana / GG GGY 44 Guernsey / GH GHA 233 Ghana / GI GIB 350 Gibraltar / GL GRL 299 Greenland
GM GMB 220 Gambia / GN GIN 224 Guinea / GP GLP 590 Guadeloupe / GQ GNQ 240 Equatorial Guinea / GR GRC 30 Greece
GS SGS 0 South Georgia and the South Sandwich Islands / GT GTM 502 Guatemala / GU GUM 1 Guam
GW GNB 245 Guinea-Bissau / GY GUY 592 Guyana / HK HKG 852 Hong Kong / HM HMD 0 Heard Island and McDonald Islands
HN HND 504 Honduras / HR HRV 385 Croatia / HT HTI 509 Haiti / HU HUN 36 Hungary / ID IDN 62 Indonesia
IE IRL 353 Ireland / IL ISR 972 Israel / IM IMN 44 Isle of Man / IN IND 91 India
IO IOT 246 British Indian Ocean Territory / IQ IRQ 964 Iraq / IR IRN 98 Iran;Islamic Republic of Iran
IS ISL 354 Iceland / IT ITA 39 Italy / JE JEY 44 Jersey / JM JAM 1 Jamaica / JO JOR 962 Jordan / JP JPN 81 Japan
KE KEN 254 Kenya / KG KGZ 996 Kyrgyzstan / KH KHM 855 Cambodia / KI KIR 686 Kiribati / KM COM 269 Comoros
KN KNA 1 St Kitts and Nevis / KP PRK 850 Korea (North);North Korea / KR KOR 82 Korea (South);South Korea
KW KWT 965 Kuwait / KY CYM 1 Cayman Islands / KZ KAZ 7 Kazakhstan / LA LAO 856 Laos / LB LBN 961 Lebanon
LC LCA 1 St Lucia / LI LIE 423 Liechtenstein / LK LKA 94 Sri Lanka / LR LBR 231 Liberia / LS LSO 266 Lesotho
LT LTU 370 Lithuania / LU LUX 352 Luxembourg / LV LVA 371 Latvia / LY LBY 218 Libya / MA MAR 212 Morocco
MC MCO 377 Monaco / MD MDA 373 Moldova / ME MNE 382 Montenegro / MF MAF 590 St Martin (French)
MG MDG 261 Madagascar / MH MHL 692 Marshall Islands / MK MKD 389 North Macedonia;Macedonia / ML MLI 223 Mali
MM MMR 95 Myanmar (Burma);Burma / MN MNG 976 Mongolia / MO MAC 853 Macau / MP MNP 1 Northern Mariana Islands
MQ MTQ 596 Martinique / MR MRT 222 Mauritania / MS MSR 1 Montserrat / MT MLT 356 Malta / MU MUS 230 Mauritius
MV MDV 960 Maldives / MW MWI 265 Malawi / MX MEX 52 Mexico / MY MYS 60 Malaysia / MZ MOZ 258 Mozambique
NA NAM 264 Namibia / NC NCL 687 New Caledonia / NE NER 227 Niger / NF NFK 672 Norfolk Island / NG NGA 234 Nigeria
NI NIC 505 Nicaragua / NL NLD 31 Netherlands;The Netherlands;Holland / NO NOR 47 Norway / NP NPL 977 Nepal
NR NRU 674 Nauru / NU NIU 683 Niue / NZ NZL 64 New Zealand / OM OMN 968 Oman / PA PAN 507 Panama / PE PER 51 Peru
PF PYF 689 French Polynesia / PG PNG 675 Papua New Guinea / PH PHL 63 Philippines / PK PAK 92 Pakistan
PL POL 48 Poland / PM SPM 508 St Pierre and Miquelon / PN PCN 0 Pitcairn / PR PRI 1 Puerto Rico
PS PSE 970 Palestine;Palestinian Territory / PT PRT 351 Portugal / PW PLW 680 Palau / PY PRY 595 Paraguay
QA QAT 974 Qatar / RE REU 262 Réunion / RO ROU 40 Romania / RS SRB 381 Serbia / RU RUS 7 Russia;Russian Federation
RW RWA 250 Rwanda / SA SAU 966 Saudi Arabia / SB SLB 677 Solomon Islands / SC SYC 248 Seychelles / SD SDN 249 Sudan
SE SWE 46 Sweden / SG SGP 65 Singapore / SH SHN 290 St Helena / SI SVN 386 Slovenia
SJ SJM 47 Svalbard and Jan Mayen / SK SVK 421 Slovakia / SL SLE 232 Sierra Leone / SM SMR 378 San Marino
SN SEN 221 Senegal / SO SOM 252 Somalia / SR SUR 597 Suriname / SS SSD 211 South Sudan
ST STP 239 Sao Tome and Principe / SV SLV 503 El Salvador / SX SXM 1 St Maarten (Dutch) / SY SYR 963 Syria
SZ SWZ 268 Eswatini (Swaziland);Swaziland / TC TCA 1 Turks and Caicos Is / TD TCD 235 Chad
TF ATF 0 French S. Terr. / TG TGO 228 Togo / TH THA 66 Thailand / TJ TJK 992 Tajikistan / TK TKL 690 Tokelau
TL TLS 670 East Timor / TM TKM 993 Turkmenistan / TN TUN 216 Tunisia / TO TON 676 Tonga / TR TUR 90 Turkey;Türkiye
TT TTO 1 Trinidad and Tobago / TV TUV 688 Tuvalu / TW TWN 886 Taiwan / TZ TZA 255 Tanzania / UA UKR 380 Ukraine
UG UGA 256 Uganda / UM UMI 0 US minor outlying islands / US USA 1 United States;United States of America;USA;America
UY URY 598 Uruguay / UZ UZB 998 Uzbekistan / VA VAT 39 Vatican City;Holy See / VC VCT 1 St Vincent
VE VEN 58 Venezuela / VG VGB 1 Virgin Islands (UK) / VI VIR 1 Virgin Islands (US) / VN VNM 84 Vietnam;Viet Nam
VU VUT 678 Vanuatu / WF WLF 681 Wallis and Futuna / WS WSM 685 Samoa (western) / YE YEM 967 Yemen
YT MYT 262 Mayotte / ZA ZAF 27 South Africa / ZM ZMB 260 Zambia / ZW ZWE 263 Zimbabwe
"""
"""Two letters, three letters, calling code (0: none of its own), names."""
_STATES = """
AL Alabama / AK Alaska / AZ Arizona / AR Arkansas / CA California / CO Colorado / CT Connecticut / DE Delaware
DC District of Columbia / FL Florida / GA Georgia / HI Hawaii / ID Idaho / IL Illinois / IN Indiana / IA Iowa
KS Kansas / KY Kentucky / LA Louisiana / ME Maine / MD Maryland / MA Massachusetts / MI Michigan / MN Minnesota
MS Mississippi / MO Missouri / MT Montana / NE Nebraska / NV Nevada / NH New Hampshire / NJ New Jersey
NM New Mexico / NY New York / NC North Carolina / ND North Dakota / OH Ohio / OK Oklahoma / OR Oregon
PA Pennsylvania / PR Puerto Rico / RI Rhode Island / SC South Carolina / SD South Dakota / TN Tennessee / TX Texas
UT Utah / VT Vermont / VA Virginia / WA Washington / WV West Virginia / WI Wisconsin / WY Wyoming
"""
_CURRENCIES = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ
GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL
LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN
PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD
TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL
"""


def plain(name: str) -> str:
    """Reduce a name to what spelling does not change: letters and digits in lower case."""
    return alnum(name.lower())


def alnum(text: str) -> str:
    """Keep letters and digits."""
    return text if text.isalnum() else "".join(letter for letter in text if letter.isalnum())


def _rows(text: str) -> list[str]:
    return [row.strip() for line in text.strip().splitlines() for row in line.split(" / ")]


def _countries() -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    codes: dict[str, str] = {}
    three: dict[str, str] = {}
    calling: dict[str, str] = {}
    for row in _rows(_COUNTRIES):
        two, alpha3, code, names = row.split(" ", 3)
        three[two] = alpha3
        if code != "0":
            calling[two] = code
        for name in (two, alpha3, *names.split(";")):
            codes[plain(name)] = two
    return codes, three, calling


COUNTRY_OF, COUNTRY3, CALLING = _countries()
"""Alpha-2 by plain name or code; alpha-3 and calling code by alpha-2."""
STATE_OF = {plain(name): row[:2] for row in _rows(_STATES) for name in (row[:2], row[3:])}
CURRENCIES = frozenset(_CURRENCIES.split())
