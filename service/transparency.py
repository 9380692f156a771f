"""The statement of reasons as the DSA Transparency Database takes it: its fields, closed lists and limits, offline.

Version 2 of the API, in force since 1 July 2025 (Implementing Regulation (EU) 2024/2835 on transparency reporting).
Looked up on 2026-11-30 in the database's source, github.com/digital-services-act/transparency-database, which says the
same as https://transparency.dsa.ec.europa.eu/page/api-documentation-two:

- fields, categories, keywords, dates, `puid`: `resources/markdown/api-documentation-two.md`, commit ea910906;
- which keyword belongs to which category: Annex II of the Implementing Regulation;
- visibilities, provisions, sources, automation: `app/Models/Statement.php`, which that page renders its lists from;
- lengths and dates: the rules of `app/Http/Controllers/Api/v1/StatementMultipleAPIController.php`, unchanged in v2;
- countries: `app/Services/EuropeanCountriesService.php`; languages: `EuropeanLanguagesService.php` (ISO 639-1).

What the API would drop without a word (an explanation that belongs to the other ground) is refused here.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from cases.problem import Problem, Record, problems_of

BATCH = 100
"""Statements that one call may hold."""

Visibility = Literal[
    "DECISION_VISIBILITY_CONTENT_REMOVED",
    "DECISION_VISIBILITY_CONTENT_DISABLED",
    "DECISION_VISIBILITY_CONTENT_DEMOTED",
    "DECISION_VISIBILITY_CONTENT_AGE_RESTRICTED",
    "DECISION_VISIBILITY_CONTENT_INTERACTION_RESTRICTED",
    "DECISION_VISIBILITY_CONTENT_LABELLED",
    "DECISION_VISIBILITY_OTHER",
]
Monetary = Literal["DECISION_MONETARY_SUSPENSION", "DECISION_MONETARY_TERMINATION", "DECISION_MONETARY_OTHER"]
Provision = Literal[
    "DECISION_PROVISION_PARTIAL_SUSPENSION",
    "DECISION_PROVISION_TOTAL_SUSPENSION",
    "DECISION_PROVISION_PARTIAL_TERMINATION",
    "DECISION_PROVISION_TOTAL_TERMINATION",
]
Account = Literal["DECISION_ACCOUNT_SUSPENDED", "DECISION_ACCOUNT_TERMINATED"]
AccountType = Literal["ACCOUNT_TYPE_BUSINESS", "ACCOUNT_TYPE_PRIVATE"]
Ground = Literal["DECISION_GROUND_ILLEGAL_CONTENT", "DECISION_GROUND_INCOMPATIBLE_CONTENT"]
ContentType = Literal[
    "CONTENT_TYPE_APP",
    "CONTENT_TYPE_AUDIO",
    "CONTENT_TYPE_IMAGE",
    "CONTENT_TYPE_PRODUCT",
    "CONTENT_TYPE_SYNTHETIC_MEDIA",
    "CONTENT_TYPE_TEXT",
    "CONTENT_TYPE_VIDEO",
    "CONTENT_TYPE_OTHER",
]
Category = Literal[
    "STATEMENT_CATEGORY_ANIMAL_WELFARE",
    "STATEMENT_CATEGORY_CONSUMER_INFORMATION",
    "STATEMENT_CATEGORY_CYBER_VIOLENCE",
    "STATEMENT_CATEGORY_CYBER_VIOLENCE_AGAINST_WOMEN",
    "STATEMENT_CATEGORY_DATA_PROTECTION_AND_PRIVACY_VIOLATIONS",
    "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH",
    "STATEMENT_CATEGORY_INTELLECTUAL_PROPERTY_INFRINGEMENTS",
    "STATEMENT_CATEGORY_NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS",
    "STATEMENT_CATEGORY_NOT_SPECIFIED_NOTICE",
    "STATEMENT_CATEGORY_OTHER_VIOLATION_TC",
    "STATEMENT_CATEGORY_PROTECTION_OF_MINORS",
    "STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY",
    "STATEMENT_CATEGORY_SCAMS_AND_FRAUD",
    "STATEMENT_CATEGORY_SELF_HARM",
    "STATEMENT_CATEGORY_UNSAFE_AND_PROHIBITED_PRODUCTS",
    "STATEMENT_CATEGORY_VIOLENCE",
]
SourceType = Literal[
    "SOURCE_ARTICLE_16", "SOURCE_TRUSTED_FLAGGER", "SOURCE_TYPE_OTHER_NOTIFICATION", "SOURCE_VOLUNTARY"
]
YesNo = Literal["Yes", "No"]
Automation = Literal["AUTOMATED_DECISION_FULLY", "AUTOMATED_DECISION_PARTIALLY", "AUTOMATED_DECISION_NOT_AUTOMATED"]
Country = Literal[
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT",
    "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
]  # fmt: skip

CATEGORIES: tuple[Category, ...] = get_args(Category)
COUNTRIES: tuple[Country, ...] = get_args(Country)
_ISO_639_1 = (
    "AA AB AE AF AK AM AN AR AS AV AY AZ BA BE BG BH BI BM BN BO BR BS CA CE CH CO CR CS CU CV CY DA DE DV DZ EE EL EN "
    "EO ES ET EU FA FF FI FJ FO FR FY GA GD GL GN GU GV HA HE HI HO HR HT HU HY HZ IA ID IE IG II IK IO IS IT IU JA JV "
    "KA KG KI KJ KK KL KM KN KO KR KS KU KV KW KY LA LB LG LI LN LO LT LU LV MG MI MK ML MN MR MS MT MY NA NB ND NE NG "
    "NL NN NO NR NV NY OC OJ OM OR OS PA PI PL PS PT QU RM RN RO RU RW SA SC SD SE SG SI SK SL SM SN SO SQ SR SS ST SU "
    "SV SW TA TE TG TH TI TK TL TN TO TR TS TT TW TY UG UK UR UZ VE VI VO WA WO XH YI YO ZA ZH ZU"
)
LANGUAGES = frozenset(_ISO_639_1.split())
KEYWORDS: dict[str, tuple[str, ...]] = {
    "ANIMAL_WELFARE": ("ANIMAL_HARM", "UNLAWFUL_SALE_ANIMALS"),
    "CONSUMER_INFORMATION": (
        "HIDDEN_ADVERTISEMENT",
        "INSUFFICIENT_INFORMATION_ON_TRADERS",
        "MISLEADING_INFO_GOODS_SERVICES",
        "MISLEADING_INFO_CONSUMER_RIGHTS",
        "NONCOMPLIANCE_PRICING",
    ),
    "CYBER_VIOLENCE": (
        "CYBER_BULLYING_INTIMIDATION",
        "CYBER_HARASSMENT",
        "CYBER_INCITEMENT",
        "CYBER_STALKING",
        "NON_CONSENSUAL_IMAGE_SHARING",
        "NON_CONSENSUAL_MATERIAL_DEEPFAKE",
    ),
    "CYBER_VIOLENCE_AGAINST_WOMEN": (
        "BULLYING_AGAINST_GIRLS",
        "CYBER_HARASSMENT_AGAINST_WOMEN",
        "CYBER_STALKING_AGAINST_WOMEN",
        "FEMALE_GENDERED_DISINFORMATION",
        "INCITEMENT_AGAINST_WOMEN",
        "NON_CONSENSUAL_IMAGE_SHARING_AGAINST_WOMEN",
        "NON_CONSENSUAL_MATERIAL_DEEPFAKE_AGAINST_WOMEN",
    ),
    "DATA_PROTECTION_AND_PRIVACY_VIOLATIONS": (
        "BIOMETRIC_DATA_BREACH",
        "DATA_FALSIFICATION",
        "MISSING_PROCESSING_GROUND",
        "RIGHT_TO_BE_FORGOTTEN",
    ),
    "ILLEGAL_OR_HARMFUL_SPEECH": ("DEFAMATION", "DISCRIMINATION", "HATE_SPEECH"),
    "INTELLECTUAL_PROPERTY_INFRINGEMENTS": (
        "COPYRIGHT_INFRINGEMENT",
        "DESIGN_INFRINGEMENT",
        "GEOGRAPHIC_INDICATIONS_INFRINGEMENT",
        "PATENT_INFRINGEMENT",
        "TRADE_SECRET_INFRINGEMENT",
        "TRADEMARK_INFRINGEMENT",
    ),
    "NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS": (
        "MISINFORMATION_DISINFORMATION",
        "VIOLATION_EU_LAW",
        "VIOLATION_NATIONAL_LAW",
    ),
    "NOT_SPECIFIED_NOTICE": (),
    "OTHER_VIOLATION_TC": (
        "ADULT_SEXUAL_MATERIAL",
        "AGE_SPECIFIC_RESTRICTIONS",
        "GEOGRAPHICAL_REQUIREMENTS",
        "GOODS_SERVICES_NOT_PERMITTED",
        "LANGUAGE_REQUIREMENTS",
        "NUDITY",
    ),
    "PROTECTION_OF_MINORS": (
        "AGE_SPECIFIC_RESTRICTIONS_MINORS",
        "CHILD_SEXUAL_ABUSE_MATERIAL",
        "CHILD_SEXUAL_ABUSE_MATERIAL_DEEPFAKE",
        "GROOMING_SEXUAL_ENTICEMENT_MINORS",
        "UNSAFE_CHALLENGES",
    ),
    "RISK_FOR_PUBLIC_SECURITY": (
        "ILLEGAL_ORGANIZATIONS",
        "RISK_ENVIRONMENTAL_DAMAGE",
        "RISK_PUBLIC_HEALTH",
        "TERRORIST_CONTENT",
    ),
    "SCAMS_AND_FRAUD": (
        "IMPERSONATION_ACCOUNT_HIJACKING",
        "INAUTHENTIC_ACCOUNTS",
        "INAUTHENTIC_LISTINGS",
        "INAUTHENTIC_USER_REVIEWS",
        "PHISHING",
        "PYRAMID_SCHEMES",
    ),
    "SELF_HARM": ("CONTENT_PROMOTING_EATING_DISORDERS", "SELF_MUTILATION", "SUICIDE"),
    "UNSAFE_AND_PROHIBITED_PRODUCTS": ("PROHIBITED_PRODUCTS", "UNSAFE_PRODUCTS"),
    "VIOLENCE": (
        "COORDINATED_HARM",
        "INCITEMENT_VIOLENCE_HATRED",
        "HUMAN_EXPLOITATION",
        "HUMAN_TRAFFICKING",
        "TRAFFICKING_WOMEN_GIRLS",
    ),
}
"""Keywords by the category that they belong to, both without their prefixes; `OTHER` belongs to each."""

_KNOWN_KEYWORDS = {f"KEYWORD_{name}" for names in KEYWORDS.values() for name in names} | {
    "KEYWORD_OTHER",
    "KEYWORD_STALKING",  # in the API's list, and in no category of the annex
}

_CONTACTS = (
    ("an e-mail address", re.compile(r"[^\s@<>()]+@[^\s@<>()]+\.\w\w+")),
    ("a web address", re.compile(r"(?i)\b(?:https?:|www\.)\S|\b[a-z0-9-]+\.(?:com|net|org|shop|store|me|ly|cn|io)\b")),
    (
        "a telephone number",
        re.compile(r"\+\d(?:[ ()./-]{0,2}\d){6,}|\b0\d(?:[ ()./-]{0,2}\d){7,}|\d(?:[ -]?\d){7,}"),
    ),
)
"""By prefix or trunk digit, or eight digits in a row; the slash keeps an act (2017/1001) from being taken for one."""
_DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b|\b(?:19|20)\d\d ?- ?(?:19|20)\d\d\b")
"""A day, or years from and to."""


def contacts(text: str) -> tuple[str, ...]:
    """What in a text would lead to a person: kinds of contact, by name; empty where there is none."""
    dateless = _DAY.sub("", text)
    return tuple(kind for kind, pattern in _CONTACTS if pattern.search(dateless))


def _impersonal(text: str) -> str:
    """The database takes no personal data (Article 24(5) DSA)."""
    if found := contacts(text):
        msg = f"there is {' and '.join(found)} in it; a statement holds no personal data"
        raise ValueError(msg)
    return text


def _keyword(name: str) -> str:
    if name not in _KNOWN_KEYWORDS:
        msg = f"{name!r} is no keyword of the database"
        raise ValueError(msg)
    return name


def _language(code: str) -> str:
    if code not in LANGUAGES:
        msg = f"{code!r} is no ISO 639-1 code in capitals"
        raise ValueError(msg)
    return code


_Impersonal = AfterValidator(_impersonal)
Line = Annotated[str, StringConstraints(min_length=1, max_length=500), _Impersonal]
Explanation = Annotated[str, StringConstraints(min_length=1, max_length=2_000), _Impersonal]
Facts = Annotated[str, StringConstraints(min_length=1, max_length=5_000), _Impersonal]
Keyword = Annotated[str, AfterValidator(_keyword)]
Language = Annotated[str, AfterValidator(_language)]
Ean13 = Annotated[str, StringConstraints(pattern=r"^\d{13}$")]
Puid = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]+$", max_length=500)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/@]+\.[^\s@]+$", max_length=500)]
_LAST = date(2038, 1, 1)
EndDate = Annotated[date, Field(le=_LAST)]

_BELONGS = {
    "decision_visibility_other": ("decision_visibility", "DECISION_VISIBILITY_OTHER"),
    "decision_monetary_other": ("decision_monetary", "DECISION_MONETARY_OTHER"),
    "illegal_content_legal_ground": ("decision_ground", "DECISION_GROUND_ILLEGAL_CONTENT"),
    "illegal_content_explanation": ("decision_ground", "DECISION_GROUND_ILLEGAL_CONTENT"),
    "incompatible_content_ground": ("decision_ground", "DECISION_GROUND_INCOMPATIBLE_CONTENT"),
    "incompatible_content_explanation": ("decision_ground", "DECISION_GROUND_INCOMPATIBLE_CONTENT"),
    "incompatible_content_illegal": ("decision_ground", "DECISION_GROUND_INCOMPATIBLE_CONTENT"),
    "content_type_other": ("content_type", "CONTENT_TYPE_OTHER"),
    "category_specification_other": ("category_specification", "KEYWORD_OTHER"),
}
"""A field, and the field and value with which it is written and without which it is not."""
_MAY_BE_EMPTY = {"incompatible_content_illegal", "category_specification_other"}
_ENDS = {
    "end_date_visibility_restriction": "decision_visibility",
    "end_date_monetary_restriction": "decision_monetary",
    "end_date_service_restriction": "decision_provision",
    "end_date_account_restriction": "decision_account",
}
_RESTRICTIONS = tuple(_ENDS.values())


class Statement(Record):
    """One statement of reasons. Its fields stand in an order in which each can be checked against those before it.

    Attributes:
        source_identity: who notified; only where the illegality cannot be told without (Article 17(3)(b) DSA).
        content_id: `{"EAN-13": ...}`, the one identifier of goods that the database takes.
        puid: the platform's own name for the statement, never used twice.
    """

    # A field that another one may require is looked at even where it was left out.
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    decision_visibility: tuple[Visibility, ...] | None = Field(None, min_length=1)
    decision_visibility_other: Line | None = None
    decision_monetary: Monetary | None = None
    decision_monetary_other: Line | None = None
    decision_provision: Provision | None = None
    decision_account: Account | None = None
    account_type: AccountType | None = None
    decision_ground: Ground
    decision_ground_reference_url: Url | None = None
    illegal_content_legal_ground: Line | None = None
    illegal_content_explanation: Explanation | None = None
    incompatible_content_ground: Line | None = None
    incompatible_content_explanation: Explanation | None = None
    incompatible_content_illegal: YesNo | None = None
    content_type: tuple[ContentType, ...] = Field(min_length=1)
    content_type_other: Line | None = None
    category: Category
    category_addition: tuple[Category, ...] | None = None
    category_specification: tuple[Keyword, ...] | None = None
    category_specification_other: Line | None = None
    territorial_scope: tuple[Country, ...] = Field(min_length=1)
    content_language: Language | None = None
    content_date: date = Field(ge=date(2000, 1, 1), le=_LAST)
    content_id: dict[Literal["EAN-13"], Ean13] | None = None
    application_date: date = Field(ge=date(2020, 1, 1), le=_LAST)
    end_date_visibility_restriction: EndDate | None = None
    end_date_monetary_restriction: EndDate | None = None
    end_date_service_restriction: EndDate | None = None
    end_date_account_restriction: EndDate | None = None
    decision_facts: Facts
    source_type: SourceType
    source_identity: Line | None = None
    automated_detection: YesNo
    automated_decision: Automation
    puid: Puid

    @field_validator("decision_account")
    @classmethod
    def _restricts(cls, account: str | None, info: ValidationInfo) -> str | None:
        others = _RESTRICTIONS[:-1]
        # One that is not there was refused, and that is told already.
        if account is None and not any(info.data.get(name, "refused") for name in others):
            msg = f"one of {', '.join(_RESTRICTIONS)} says what was decided"
            raise ValueError(msg)
        return account

    @field_validator(*_BELONGS)
    @classmethod
    def _belongs(cls, told: str | None, info: ValidationInfo) -> str | None:
        name = info.field_name or ""
        other, value = _BELONGS[name]
        if other not in info.data:  # it was refused, and that is told already
            return told
        found = info.data[other]
        chosen = value == found or (isinstance(found, tuple) and value in found)
        if chosen and told is None and name not in _MAY_BE_EMPTY:
            msg = f"it is required where {other} is {value}"
            raise ValueError(msg)
        if told is not None and not chosen:
            msg = f"it is written only where {other} is {value}"
            raise ValueError(msg)
        return told

    @field_validator(*_ENDS)
    @classmethod
    def _ends(cls, day: date | None, info: ValidationInfo) -> date | None:
        restriction, begin = _ENDS[info.field_name or ""], info.data.get("application_date")
        if day is None or begin is None:
            return day
        if info.data.get(restriction, "refused") is None:
            msg = f"there is no {restriction} to end"
            raise ValueError(msg)
        if day < begin:
            msg = f"it ends before it applies ({begin})"
            raise ValueError(msg)
        return day

    @property
    def body(self) -> dict[str, Any]:
        """The statement as the API takes it: JSON values, and no empty fields."""
        return self.model_dump(mode="json", exclude_none=True)


def validate(statement: dict[str, Any]) -> tuple[Problem, ...]:
    """Tell what the database would refuse in a statement, without asking it; nothing where it is right."""
    try:
        Statement.model_validate(statement)
    except ValidationError as error:
        return problems_of(error)
    return ()


def batches(statements: Sequence[Statement]) -> Iterator[dict[str, Any]]:
    """Bodies for the endpoint that takes several, each of at most 100 statements, in order."""
    for first in range(0, len(statements), BATCH):
        yield {"statements": [statement.body for statement in statements[first : first + BATCH]]}
