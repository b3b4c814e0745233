"""What a payment file is judged by beside RULES: the file itself, its schema, and the flow.

These ids stand in problems as those of rules do. They are kept here, with the words of the
documentation, so that whoever names a rule can be told whether it exists.
"""

from __future__ import annotations

from typing import NamedTuple

from h2h.core.problem import Severity


class Fixed(NamedTuple):
    """One of them. `agreed` says that a bank or a profile may change its severity."""

    id: str
    demand: str
    severity: Severity
    code: str  # ExternalStatusReason1Code, "" where a bank never sees the file
    source: str
    remedy: str
    agreed: bool = False


FIXED: tuple[Fixed, ...] = (
    Fixed(
        "file",
        "The file is a regular file that can be opened.",
        Severity.ERROR,
        "FF01",
        "the file system",
        "See that h2h may read it; give a file, no folder, pipe or device.",
    ),
    Fixed(
        "size",
        "The file is not larger than `largest_file`.",
        Severity.ERROR,
        "FF01",
        "`largest_file` of the configuration",
        "Split the file, or raise `largest_file`.",
    ),
    Fixed(
        "empty",
        "The file has content.",
        Severity.ERROR,
        "FF01",
        "ISO 20022: a file holds one message",
        "Write the file again at its source.",
    ),
    Fixed(
        "xml",
        "The file is one whole, well-formed XML document.",
        Severity.ERROR,
        "FF01",
        "W3C XML 1.0",
        "Write the whole file again at its source, each message in a file of its own.",
    ),
    Fixed(
        "doctype",
        "The file has no DOCTYPE: an entity declared in one could change an amount unseen.",
        Severity.ERROR,
        "FF01",
        "ISO 20022 XML messages have none; OWASP: XML external entities",
        "Write the file without `<!DOCTYPE>`.",
    ),
    Fixed(
        "encoding",
        "The file is written in UTF-8, and is what it declares to be.",
        Severity.ERROR,
        "FF01",
        "ISO 20022-4: UTF-8 alone",
        "Write the file in UTF-8 and declare UTF-8.",
    ),
    Fixed(
        "byte-order-mark",
        "The file begins with no byte order mark, which some banks' systems refuse.",
        Severity.WARN,
        "FF01",
        "lawful by Unicode 23.8; banks' practice",
        "Write the file in UTF-8 without a byte order mark.",
        agreed=True,
    ),
    Fixed(
        "message",
        "The message is a payment file in a version that is carried, with nothing around it; a "
        "national variant needs the bank's own schema.",
        Severity.ERROR,
        "FF01",
        "ISO 20022 message definitions; `schema` of the bank",
        "Write the file in one of the versions named, or give the bank's own schema.",
    ),
    Fixed(
        "schema",
        "The message keeps to the schema of its version: order, lengths, codes, patterns.",
        Severity.ERROR,
        "by fault: FF01, CH16, CH21, AM12",
        "ISO 20022 message definitions",
        "Correct the master data for a value, the mapping for an order or a tag.",
    ),
    Fixed(
        "bank-schema",
        "The message keeps to the bank's own schema too.",
        Severity.ERROR,
        "by fault, as for schema",
        "`schema` of the bank",
        "As for schema; ask the bank for its guideline.",
        agreed=True,
    ),
    Fixed(
        "input-seal",
        "The file is the one that the ERP sealed, where its door asks for a seal.",
        Severity.ERROR,
        "",
        "`seal` of the door; SWIFT CSCF 2.4A: integrity from the back office on",
        "Find out who changed the file, then drop it again with the seal that fits it.",
    ),
    Fixed(
        "duplicate-file",
        "The same bytes were not taken before.",
        Severity.INFO,
        "DU01",
        "h2h: nothing is sent twice",
        "Nothing: the first one counts. To pay again on purpose, write a file with a new id.",
    ),
    Fixed(
        "duplicate-message",
        "The message id was not used before, by the same party at the same bank.",
        Severity.ERROR,
        "DU01",
        "ISO 20022: MessageIdentification is unique",
        "Give every new file a new message id; compare the two files first.",
    ),
    Fixed(
        "similar-payment",
        "No earlier file has a payment with the same accounts, amount and reference.",
        Severity.HOLD,
        "AM05",
        "h2h: a second run of the ERP writes new ids and dates",
        "Compare the two files, then release this one or cancel it.",
    ),
    Fixed(
        "first-scan",
        "The file came after h2h first looked into its door.",
        Severity.HOLD,
        "",
        "h2h: what lay there before may have been paid already",
        "Make sure that the bank does not have it, then release it; or cancel it.",
    ),
    Fixed(
        "routing",
        "All accounts of ours in the file lie at one bank.",
        Severity.ERROR,
        "AC02",
        "h2h: a file is never split",
        "Write one file for each bank, add the account to its bank, or use that bank's door.",
    ),
    Fixed(
        "name-taken",
        "Nothing lies at the bank under the name the file is to have.",
        Severity.HOLD,
        "",
        "h2h: nothing at a bank is overwritten",
        "Ask the bank what it is, then release the file.",
    ),
    Fixed(
        "unexpected-error",
        "No step of the file's way failed for a reason that was not foreseen.",
        Severity.HOLD,
        "",
        "h2h: one bad file stops itself only",
        "Mend the cause, then release the file.",
    ),
    Fixed(
        "poison",
        "Reading the file does not end h2h itself.",
        Severity.HOLD,
        "",
        "h2h: one bad file stops itself only",
        "Look at the journal for how h2h died, mend the cause, then release the file.",
    ),
)
