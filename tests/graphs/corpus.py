"""A small corpus: one clause for each thing that a graph must get right. Written to a folder, read as any corpus is."""

LADDER = "{window_days: 365, ladder: [{strikes: 0, action: remove_listing}]}"
CLAUSES = {
    "blades.spring": """
title: Knives whose blade springs out
type: prohibited.blades
regions: ["*"]
in_force: {from: 2025-01-01}
severity: medium
elements:
  blade: {text: The item is a knife whose blade springs out of its handle.}
  sharp: {text: The blade is sharpened.}
exemptions:
  antique: {text: It was made before 1950.}
enforcement:
  window_days: 365
  ladder:
    - {strikes: 0, action: remove_listing}
    - {strikes: 2, action: restrict_seller, days: 14}
    - {strikes: 3, action: remove_listing, person: true}
    - {strikes: 4, action: suspend_seller}
notice:
  en: We removed "{title}" ({listing_id}) in {scope} on {date}. {findings} {next_steps}
  de: Wir haben „{title}“ entfernt. {findings}
""",
    "vapes.liquid": """
title: Vapes and their liquids
type: restricted.vapes
regions: [SG]
in_force: {from: 2025-01-01}
severity: high
meanwhile: hide
elements:
  device: {text: The item is a vape or a liquid for one.}
exemptions:
  medicine: {text: It is registered as a medicine., record: {kind: registration, value: medicine}}
enforcement: LADDER
""",
    "vapes.strength": """
title: Liquids that are too strong
type: restricted.strength
regions: ["*"]
in_force: {from: 2025-01-01}
severity: low
elements:
  strong: {text: The liquid holds more than 20 mg/ml nicotine., measure: {of: nicotine, over: 20, unit: mg/ml}}
enforcement: LADDER
""",
    "price.gouging": """
title: Prices far above the usual
type: listing.price
regions: ["*"]
in_force: {from: 2025-01-01}
severity: low
elements:
  dear: {text: It costs four times the usual., fact: price.ratio_to_median >= 4, absence: not_met}
enforcement: LADDER
""",
    "price.copies": """
title: Copies of other sellers' listings
type: listing.copies
regions: ["*"]
in_force: {from: 2025-01-01}
severity: low
elements:
  copied: {text: Other sellers offer the same., fact: listing.copies_other_sellers >= 1}
enforcement: LADDER
""",
    "price.borrowed": """
title: Listings that say that they are copied
type: listing.copies
regions: ["*"]
in_force: {from: 2025-01-01}
severity: low
elements:
  said: {text: The listing says that it is copied.}
enforcement: LADDER
""",
    "claims.cure": """
title: Claims to cure
type: listing.claims
regions: ["*"]
in_force: {from: 2025-01-01}
severity: low
elements:
  misleads: {text: It would mislead an average buyer about a cure., appraisal: true}
enforcement: LADDER
""",
    "replicas.signs": """
title: Replicas
type: ip.replicas
regions: ["*"]
in_force: {from: 2025-01-01}
severity: medium
elements:
  signs:
    text: Two of these point to a replica.
    at_least: 2
    of:
      wording: {text: It is called a replica or a mirror copy.}
      grade: {text: A grade is given to the copy.}
      logo: {text: The logo is named as added by hand.}
enforcement: LADDER
""",
    "danger.explosive": """
title: Explosives
type: prohibited.danger
regions: ["*"]
in_force: {from: 2025-01-01}
severity: critical
meanwhile: hide
elements:
  explosive: {text: The item explodes.}
enforcement: {window_days: 365, ladder: [{strikes: 0, action: report_authority}]}
""",
    "swords.edged": """
title: Swords with an edge
type: prohibited.swords
regions: ["*"]
in_force: {from: 2025-01-01}
severity: medium
elements:
  sword: {text: The item is a sword.}
enforcement: LADDER
""",
    "swords.stage": """
title: Swords for the stage
type: prohibited.swords
regions: ["*"]
in_force: {from: 2025-01-01}
severity: low
elements:
  prop: {text: The item is a prop.}
enforcement: LADDER
""",
    "swords.long": """
title: Swords over a metre
type: prohibited.swords
regions: ["*"]
in_force: {from: 2025-01-01}
severity: low
elements:
  bladed: {text: The item is a sword or a spear.}
  length: {text: It is longer than a metre.}
enforcement: LADDER
""",
    "swords.display": """
title: Swords for display
type: prohibited.swords
effect: permit
over: [swords.edged, swords.stage]
regions: ["*"]
in_force: {from: 2025-01-01}
severity: medium
elements:
  hung: {text: It is made to hang on a wall.}
""",
    "swords.sport": """
title: Swords for sport
type: prohibited.swords
effect: permit
regions: ["*"]
in_force: {from: 2025-01-01}
severity: medium
elements:
  fencing: {text: It is made for fencing.}
""",
    "looks.logo": """
title: Logos that are not theirs
type: ip.logos
regions: ["*"]
in_force: {from: 2025-01-01}
severity: low
elements:
  logo: {text: It shows the logo of another maker., proof: [seller, model]}
enforcement: LADDER
""",
    "labels.origin": """
title: Food without its origin
type: listing.labels
regions: ["*"]
in_force: {from: 2025-01-01}
severity: low
elements:
  unstated: {text: The origin is not stated., absence: unclear}
enforcement: LADDER
""",
    "labels.expired": """
title: A clause that is no longer in force
type: listing.expired
regions: ["*"]
in_force: {from: 2020-01-01, to: 2021-01-01}
severity: low
elements:
  old: {text: It is old.}
enforcement: LADDER
""",
}
SIGNS = {
    "blades.spring": """
blade: {anywhere: true, for: {en: [switchblade, flick knife]}, against: {en: [letter opener]}}
sharp: {for: {en: [sharp, razor edge]}, against: {en: [blunt]}}
antique: {for: {en: [antique]}, against: {en: [brand new]}}
aliases: {en: [pocket jumper]}
""",
    "vapes.liquid": 'device: {anywhere: true, for: {en: [vape, e-liquid], "*": [RELX]}, against: {en: [humidifier]}}',
    "claims.cure": "misleads: {for: {en: [miracle cure]}}",
    "replicas.signs": """
signs.wording: {for: {en: [replica, mirror copy]}}
signs.grade: {for: {en: [AAA grade]}}
signs.logo: {for: {en: [logo added]}}
""",
    "danger.explosive": "explosive: {anywhere: true, for: {en: [dynamite]}, against: {en: [confetti]}}",
    "swords.edged": "sword: {for: {en: [katana]}, against: {en: [foam]}}",
    "swords.stage": "prop: {for: {en: [stage prop]}}",
    "swords.display": "hung: {for: {en: [wall hanger]}}",
    "swords.sport": "fencing: {for: {en: [fencing]}}",
    "labels.origin": "unstated: {for: {en: [origin unknown]}}",
}
VOCABULARIES = {
    "taxonomy": """
types:
  prohibited.blades: {title: Blades}
  prohibited.danger: {title: Dangerous goods}
  prohibited.swords: {title: Swords}
  restricted.vapes: {title: Vapes}
  restricted.strength: {title: Strong liquids}
  listing.price: {title: Prices}
  listing.copies: {title: Copies}
  listing.claims: {title: Claims}
  listing.labels: {title: Labels}
  listing.expired: {title: Nothing any more}
  ip.replicas: {title: Replicas}
  ip.logos: {title: Logos}
""",
    "actions": """
actions:
  remove_listing: {title: Remove the listing, reversible: true, impact: 2}
  restrict_seller: {title: Restrict the seller, reversible: true, impact: 3}
  suspend_seller: {title: Suspend the seller, reversible: true, impact: 4}
  report_authority: {title: Report to the authority, reversible: false, impact: 5}
""",
    "regions": """
regions:
  SG: {name: Singapore, languages: [en, zh], time_zone: Asia/Singapore}
  DE: {name: Germany, languages: [de, en], time_zone: Europe/Berlin}
  TH: {name: Thailand, languages: [th, en], time_zone: Asia/Bangkok}
groups: {EU: [DE]}
""",
    "facts": """
facts:
  price.ratio_to_median: {unit: ratio, tool: similar_listings}
  listing.copies_other_sellers: {unit: listings, tool: similar_listings}
  seller.trusted: {unit: truth, tool: seller_history}
""",
    "phrases": """
phrases:
  en: {findings: "We relied on: {quotes}.", next_steps: You can appeal.}
  de: {findings: "Wir stützen uns auf: {quotes}.", next_steps: Sie können Beschwerde einlegen.}
""",
}
PROSE = "What is meant stands above; a toy is no blade. Up to 12 items of a kind count as one offer."


def write_corpus(folder, changes=None):
    """Write the corpus into a folder; `changes` replaces texts of clauses, and None takes one away."""
    for clause_id, front in {**CLAUSES, **(changes or {})}.items():
        area, name = clause_id.split(".")
        path = folder / "clauses" / area / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if front is None:
            continue
        written = front.replace("LADDER", LADDER).strip()
        path.write_text(f"---\nid: {clause_id}\n{written}\n---\n{PROSE}\n", encoding="utf-8")
        if clause_id in SIGNS:
            path.with_suffix(".signs.yaml").write_text(SIGNS[clause_id].strip() + "\n", encoding="utf-8")
    for name, text in VOCABULARIES.items():
        (folder / f"{name}.yaml").write_text(text.lstrip(), encoding="utf-8")
    return folder
