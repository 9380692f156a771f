"""Violation types and actions in the words of the DSA Transparency Database.

A clause may say otherwise of itself (`dsa: {ground, category}`); these hold where it does not. A type or an action that
a company adds stands in no list here: its clauses then name their category, and its action has no statement.
"""

from dataclasses import dataclass

from service.transparency import Account, Provision, Visibility

CATEGORY_OF_TYPE: dict[str, tuple[str, tuple[str, ...]]] = {
    "prohibited.weapons": ("UNSAFE_AND_PROHIBITED_PRODUCTS", ("PROHIBITED_PRODUCTS",)),
    "prohibited.drugs": ("UNSAFE_AND_PROHIBITED_PRODUCTS", ("PROHIBITED_PRODUCTS",)),
    # A product of a protected animal is traded like the animal; the list has no nearer word.
    "prohibited.wildlife": ("ANIMAL_WELFARE", ("UNLAWFUL_SALE_ANIMALS",)),
    "prohibited.hazardous": ("UNSAFE_AND_PROHIBITED_PRODUCTS", ("PROHIBITED_PRODUCTS",)),
    "prohibited.recalled": ("UNSAFE_AND_PROHIBITED_PRODUCTS", ("UNSAFE_PRODUCTS",)),
    # Version 2 has no category for pornography any more: adult material is a matter of the platform's terms.
    "prohibited.adult": ("OTHER_VIOLATION_TC", ("ADULT_SEXUAL_MATERIAL",)),
    # What is wrong with the device is what it does to those who are watched; none of the keywords says that.
    "prohibited.surveillance": ("DATA_PROTECTION_AND_PRIVACY_VIOLATIONS", ()),
    "prohibited.human_remains_and_organs": ("UNSAFE_AND_PROHIBITED_PRODUCTS", ("PROHIBITED_PRODUCTS",)),
    # Sold only under conditions: "prohibited or restricted". Wanting in substance, label or mark: "non-compliant".
    "restricted.medicines": ("UNSAFE_AND_PROHIBITED_PRODUCTS", ("PROHIBITED_PRODUCTS",)),
    "restricted.supplements": ("UNSAFE_AND_PROHIBITED_PRODUCTS", ("UNSAFE_PRODUCTS",)),
    "restricted.medical_devices": ("UNSAFE_AND_PROHIBITED_PRODUCTS", ("UNSAFE_PRODUCTS",)),
    "restricted.tobacco": ("UNSAFE_AND_PROHIBITED_PRODUCTS", ("PROHIBITED_PRODUCTS",)),
    "restricted.alcohol": ("UNSAFE_AND_PROHIBITED_PRODUCTS", ("PROHIBITED_PRODUCTS",)),
    "restricted.food": ("UNSAFE_AND_PROHIBITED_PRODUCTS", ("UNSAFE_PRODUCTS",)),
    "restricted.cosmetics": ("UNSAFE_AND_PROHIBITED_PRODUCTS", ("UNSAFE_PRODUCTS",)),
    "restricted.children": ("UNSAFE_AND_PROHIBITED_PRODUCTS", ("UNSAFE_PRODUCTS",)),
    "restricted.electronics": ("UNSAFE_AND_PROHIBITED_PRODUCTS", ("UNSAFE_PRODUCTS",)),
    "restricted.knives_and_tools": ("UNSAFE_AND_PROHIBITED_PRODUCTS", ("PROHIBITED_PRODUCTS",)),
    # An account or a key harms nobody by itself; a platform's terms keep it from changing hands.
    "restricted.digital_goods_and_accounts": ("OTHER_VIOLATION_TC", ("GOODS_SERVICES_NOT_PERMITTED",)),
    "restricted.currency_and_instruments": ("UNSAFE_AND_PROHIBITED_PRODUCTS", ("PROHIBITED_PRODUCTS",)),
    "ip.counterfeit": ("INTELLECTUAL_PROPERTY_INFRINGEMENTS", ("TRADEMARK_INFRINGEMENT",)),
    "ip.copyright": ("INTELLECTUAL_PROPERTY_INFRINGEMENTS", ("COPYRIGHT_INFRINGEMENT",)),
    "ip.trademark_misuse": ("INTELLECTUAL_PROPERTY_INFRINGEMENTS", ("TRADEMARK_INFRINGEMENT",)),
    "listing.misleading_claim": ("CONSUMER_INFORMATION", ("MISLEADING_INFO_GOODS_SERVICES",)),
    "listing.pricing": ("CONSUMER_INFORMATION", ("NONCOMPLIANCE_PRICING",)),
    "listing.keyword_stuffing": ("OTHER_VIOLATION_TC", ()),
    "listing.category": ("OTHER_VIOLATION_TC", ()),
    # Pictures are refused for many reasons; a clause about one that misleads says so itself.
    "listing.images": ("OTHER_VIOLATION_TC", ()),
    "listing.duplicate": ("OTHER_VIOLATION_TC", ()),
    "listing.bait": ("CONSUMER_INFORMATION", ("MISLEADING_INFO_GOODS_SERVICES",)),
    # Asking for a call is no fraud yet; where it is part of one, its clause is one of fraud.
    "conduct.off_platform": ("OTHER_VIOLATION_TC", ()),
    "conduct.review_manipulation": ("SCAMS_AND_FRAUD", ("INAUTHENTIC_USER_REVIEWS",)),
    "conduct.circumvention": ("OTHER_VIOLATION_TC", ()),
    # The accounts are real, and no longer allowed: no "inauthentic accounts", which stands under fraud.
    "conduct.multiple_accounts": ("OTHER_VIOLATION_TC", ()),
    "conduct.fraud": ("SCAMS_AND_FRAUD", ("INAUTHENTIC_LISTINGS",)),
    "safety.hate_and_harassment": ("ILLEGAL_OR_HARMFUL_SPEECH", ("HATE_SPEECH",)),
    # A claim to cure or to protect makes the good unsafe to rely on; speech is its smaller part.
    "safety.dangerous_claims": ("UNSAFE_AND_PROHIBITED_PRODUCTS", ("UNSAFE_PRODUCTS",)),
}
"""By violation type the category and its keywords, without their prefixes."""


@dataclass(frozen=True)
class Restriction:
    """What an action takes from the seller, as Article 17(1) DSA tells restrictions apart."""

    visibility: Visibility | None = None
    provision: Provision | None = None
    account: Account | None = None


RESTRICTION_OF_ACTION: dict[str, Restriction | None] = {
    # Told, or asked for a correction, while the listing stays: nothing is restricted, and no statement is due.
    "warn_seller": None,
    "edit_listing": None,
    "hide_listing": Restriction(visibility="DECISION_VISIBILITY_CONTENT_DISABLED"),
    "remove_listing": Restriction(visibility="DECISION_VISIBILITY_CONTENT_REMOVED"),
    # No new listings for a time, while those on sale stay: part of the service.
    "restrict_seller": Restriction(provision="DECISION_PROVISION_PARTIAL_SUSPENSION"),
    # The account goes, and its listings with it; an appeal can restore both.
    "suspend_seller": Restriction(
        visibility="DECISION_VISIBILITY_CONTENT_DISABLED", account="DECISION_ACCOUNT_SUSPENDED"
    ),
    # Telling an authority takes nothing from the seller.
    "report_authority": None,
}
"""What an action restricts; none: nothing, so that it needs no statement."""
