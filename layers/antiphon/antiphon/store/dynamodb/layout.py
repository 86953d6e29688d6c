"""All keys of both tables on one page.

    core
    pk                      sk           gsi1pk            gsi1sk      what                       else
    KEY#digest              KEY          T#tenant#KEYS     key id      an API key                 document, revoked_at
    KEYS#tenant             time#key id  KEYS#tenant#user  time#key id the same, for lists        document
    USED#tenant             digest                                     when a key was last used   at
    T#tenant#TENANT         TENANT                                     a tenant                   document
    T#tenant#USERS          user id                                    a user                     document
    T#tenant#ROLES          role id                                    a role                     document
    T#tenant#GROUPS         group id                                   a group                    document
    T#tenant#AGENTS         agent id                                   an agent                   document
    T#tenant#PRIN#principal AGENT#id     T#tenant#AGENT#id principal   a grant                    bits
    T#tenant#VERSIONS#agent 000012                                     a former version           document, expires_at
    T#tenant#DELETED        agent id                                   a deleted agent            document, expires_at
    AUDIT#tenant            order                                      a change                   document, expires_at
    AUDIT#tenant#filters    order                                      the same, to be found      expires_at
    METER#tenant#subject    period                                     requests of a minute       amount, expires_at
    USAGE#tenant#kind#month#shard
                            subject#day                                what was used on a day     see ``usage``
    WEBHOOKS#tenant         W#id                                       a webhook                  document
    WEBHOOKS#tenant         A#id                                       its last failed attempt    document, expires_at
    WEBHOOKS#tenant         F#time#...                                 a delivery that failed     document, expires_at

    responses
    R#tenant#user#segment   000123       R#tenant#user     time#id     a turn's head              see ``rows``
    R#tenant#user#segment   part#000123#01#tag                         a further part of its body body, expires_at
    R#tenant#user#segment   100123       O#tenant#user     T#id        a turn that no agent ran   see ``rows``
    R#tenant#user#segment   999999       O#tenant#user     C#id        a conversation's record    document, revision,
                                                                                                  expires_at
    I#tenant#user#name      RESERVATION  O#tenant#user     I#name      a request taken up         see ``reservations``
    L#tenant#user#id        000012                                     a batch of a log           see ``runs``
    RUNS                    tenant#user#id                             a run for a worker         at, expires_at
    A#tenant#id             APPROVAL     O#tenant#user     A#id        an approval                document, revision,
                                                                                                  expires_at
    AP#tenant               time#id                                    one that waits, for lists  document, expires_at

A key is two rows that are written together: one is read by its digest on every request, the other is for lists. The
index of ``responses`` has keys alone: a turn costs one write unit more at its claim, and none when it is stored again.
By its partitions ``R#`` and ``O#``, all that is stored of a user is found without a scan.

A last use has a partition of its own, so that a policy can let the functions write ``USED#*`` and nothing else of
``core`` (``dynamodb:LeadingKeys``); so have the counters and the roll-ups. The TTL attribute is
``expires_at``. A turn's parts sort behind all turns of the segment, so a Query for turns never reads one.
"""

from __future__ import annotations

from typing import Any, Final

from antiphon.ids import Place
from antiphon.ports.usage import Dimension, Subject
from antiphon.records import Approval, EventDelivery, Grant, Key, Owner, Period, StoredResponse, Stretch

Row = dict[str, Any]
"""One DynamoDB item, or its key, in the low-level form: ``{"name": {"S": "value"}}``."""

GSI: Final = "gsi1"
TTL: Final = "expires_at"
RUNS: Final = "RUNS"
"""The partition of all runs for workers: one write at the beginning and one at the end of each."""
AGENT: Final = "AGENT#"
WEBHOOK: Final = "W#"
FAILED: Final = "F#"
ATTEMPT: Final = "A#"
TURN: Final = "T#"
CONVERSATION: Final = "C#"
RESERVATION: Final = "I#"
APPROVAL: Final = "A#"
"""How the sort keys of the index begin by which these are found."""
PENDING: Final = "AP#"
"""How the partitions of the approvals begin that nobody has decided."""
RECORD_DEPTH: Final = 999_999
"""A conversation's record sorts behind all turns, so one Query from the end reads it with the newest turn."""

ID_BYTES: Final = 512
"""The longest id that is looked up; a sort key may have 1024 bytes (DynamoDB, "Constraints")."""


def key(pk: str, sk: str) -> Row:
    """Write a primary key."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def is_id(text: str) -> bool:
    """Return whether a caller's string can be the id of something stored: neither empty nor too long."""
    return 0 < len(text.encode("utf-8", "surrogatepass")) <= ID_BYTES


def api_key(digest: str) -> Row:
    """Return the key of an API key."""
    return key(f"KEY#{digest}", "KEY")


def api_keys(tenant: str) -> str:
    """The GSI partition of a tenant's API keys."""
    return collection(tenant, "KEYS")


def listed_key(made: Key) -> Row:
    """Return the key of the row by which an API key is listed, with that of the index."""
    sk = moment(made.created_at, made.id)
    return {**key(listed_keys(made.tenant), sk), "gsi1pk": {"S": keys_of(made.tenant, made.user)}, "gsi1sk": {"S": sk}}


def listed_keys(tenant: str) -> str:
    """The partition by which a tenant's API keys are listed in the order of their making."""
    return f"KEYS#{_word(tenant)}"


def keys_of(tenant: str, user: str) -> str:
    """The GSI partition of the API keys of one user."""
    return f"KEYS#{_word(tenant)}#{_word(user)}"


def moment(at: int, id: str) -> str:
    """Write a time in seconds since the epoch and an id so that they sort by time."""
    return f"{at:011}#{id}"


def used(tenant: str) -> str:
    """The partition of the last uses of a tenant's keys."""
    return f"USED#{_word(tenant)}"


def meter(subject: Subject, period: Period) -> Row:
    """Return the key of the counter of a subject and period."""
    return key(meters(subject), period.name)


def meters(subject: Subject) -> str:
    """The partition of the counters of a subject."""
    return f"METER#{_word(subject.tenant)}#{subject.kind}#{_word(subject.id)}"


def usage(tenant: str, kind: Dimension, month: str, shard: int) -> str:
    """The partition of a part of what a tenant's subjects of a kind used in a month."""
    return f"USAGE#{_word(tenant)}#{kind}#{month}#{shard}"


def day_of_use(subject: str, day: str) -> str:
    """The sort key of what a subject used on a day."""
    return order_of_use(subject) + day


def order_of_use(subject: str) -> str:
    """The beginning of the sort keys of what a subject used, by which subjects are in order."""
    return f"{_word(subject)}#"


def after_use(subject: str) -> str:
    """A sort key behind all of a subject's days and before those of the next one."""
    return f"{_word(subject)}$"


def subject_of_use(sort_key: str) -> tuple[str, str]:
    """Read the subject and the day of a sort key that ``day_of_use`` wrote."""
    subject, _, day = sort_key.rpartition("#")
    return _text(subject), day


def collection(tenant: str, name: str) -> str:
    """The partition of a tenant's ``USERS``, ``ROLES``, ``GROUPS`` or ``AGENTS``."""
    return f"T#{_word(tenant)}#{name}"


def tenant_record(tenant: str) -> Row:
    """Return the key of a tenant."""
    return key(collection(tenant, "TENANT"), "TENANT")


def grants_of(tenant: str, principal: str) -> str:
    """The partition of all grants that a principal holds."""
    return f"{collection(tenant, 'PRIN')}#{_word(principal)}"


def grants_on(tenant: str, agent: str) -> str:
    """The GSI partition of all grants on an agent."""
    return f"{collection(tenant, 'AGENT')}#{_word(agent)}"


def grant(tenant: str, agent: str, principal: str) -> Row:
    """Return the key of a grant."""
    return key(grants_of(tenant, principal), AGENT + agent)


def grant_row(given: Grant) -> Row:
    """Write a grant."""
    return {
        **grant(given.tenant, given.agent, given.principal),
        "gsi1pk": {"S": grants_on(given.tenant, given.agent)},
        "gsi1sk": {"S": given.principal},
        "bits": {"N": str(given.bits)},
    }


def versions(tenant: str, agent: str) -> str:
    """The partition of an agent's former versions."""
    return f"{collection(tenant, 'VERSIONS')}#{_word(agent)}"


def version(tenant: str, agent: str, number: int) -> Row:
    """Return the key of a former version of an agent."""
    return key(versions(tenant, agent), depth(number))


def deleted_agents(tenant: str) -> str:
    """The partition of the agents of a tenant that were deleted and can be restored."""
    return collection(tenant, "DELETED")


def audit(tenant: str, **filters: str) -> str:
    """The partition of a tenant's audit log, or of its entries that have these properties."""
    names = "".join(f"#{name}={_word(value)}" for name, value in filters.items())
    return f"AUDIT#{_word(tenant)}{names}"


def webhooks(tenant: str) -> str:
    """The partition of a tenant's webhooks."""
    return f"WEBHOOKS#{_word(tenant)}"


def webhook(tenant: str, id: str) -> Row:
    """Return the key of a webhook."""
    return key(webhooks(tenant), WEBHOOK + id)


def failed_attempt(tenant: str, webhook: str) -> Row:
    """Return the key of the last attempt to reach a webhook that failed."""
    return key(webhooks(tenant), ATTEMPT + webhook)


def failed_delivery(delivery: EventDelivery) -> Row:
    """Return the key of a delivery that failed for good."""
    what = f"{delivery.webhook}#{delivery.subject}#{delivery.type}"
    return key(webhooks(delivery.tenant), FAILED + moment(delivery.created_at, what))


def turns(owner: Owner, segment: str) -> str:
    """The partition of an owner's turns of one segment."""
    return f"R#{_word(owner.tenant)}#{_word(owner.user)}#{segment}"


def owner_of(turns_key: str) -> Owner:
    """Read the owner out of the partition key of turns."""
    _, tenant, user, _ = turns_key.split("#")
    return Owner(_text(tenant), _text(user))


def turn(owner: Owner, place: Place) -> Row:
    """Return the key of a turn."""
    return key(turns(owner, place.segment), depth(place.depth))


def turns_of(owner: Owner) -> str:
    """The GSI partition of all turns of an owner."""
    return f"R#{_word(owner.tenant)}#{_word(owner.user)}"


def listed_turn(turn: StoredResponse) -> Row:
    """Return the attributes by which a turn is found: one that an agent ran among the responses of its owner."""
    if not turn.agent:
        return owned(turn.owner, TURN, turn.id)
    return {"gsi1pk": {"S": turns_of(turn.owner)}, "gsi1sk": {"S": moment(turn.created_at, turn.id)}}


def owned_by(owner: Owner) -> str:
    """The GSI partition of what is stored of an owner beside turns that agents ran."""
    return f"O#{_word(owner.tenant)}#{_word(owner.user)}"


def owned(owner: Owner, kind: str, id: str) -> Row:
    """Return the attributes by which something of an owner is found."""
    return {"gsi1pk": {"S": owned_by(owner)}, "gsi1sk": {"S": kind + id}}


def record(owner: Owner, segment: str) -> Row:
    """Return the key of a conversation's record."""
    return key(turns(owner, segment), depth(RECORD_DEPTH))


def reservation(owner: Owner, name: str) -> Row:
    """Return the key of a reservation."""
    return key(f"I#{_word(owner.tenant)}#{_word(owner.user)}#{_word(name)}", "RESERVATION")


def log(owner: Owner, response_id: str) -> str:
    """The partition of the log of a response."""
    return f"L#{_word(owner.tenant)}#{_word(owner.user)}#{_word(response_id)}"


def run(owner: Owner, response_id: str) -> Row:
    """Return the key of the note that a worker has to run a response."""
    return key(RUNS, runs_of(owner) + response_id)


def runs_of(owner: Owner) -> str:
    """The beginning of the sort keys of an owner's runs for workers."""
    return f"{_word(owner.tenant)}#{_word(owner.user)}#"


def run_of(sort_key: str) -> tuple[Owner, str]:
    """Read the sort key of a run for a worker."""
    tenant, user, response_id = sort_key.split("#")
    return Owner(_text(tenant), _text(user)), response_id


def approval(tenant: str, approval_id: str) -> Row:
    """Return the key of an approval."""
    return key(f"A#{_word(tenant)}#{_word(approval_id)}", "APPROVAL")


def pending_approvals(tenant: str) -> str:
    """The partition of the approvals of a tenant that nobody has decided."""
    return f"{PENDING}{_word(tenant)}"


def pending_approval(asked: Approval) -> Row:
    """Return the key of the row by which an approval is listed until it is decided."""
    return key(pending_approvals(asked.owner.tenant), moment(asked.created_at, asked.id))


def depth(number: int) -> str:
    """Write a depth so that it sorts as a number (at most 238,327, see ``ids``)."""
    return f"{number:06}"


def bounds(stretch: Stretch) -> tuple[str, str]:
    """The sort keys of a stretch's first and last turn."""
    return depth(stretch.first), depth(stretch.last)


def parts(number: int) -> str:
    """The beginning of the sort keys of all further parts of the turn at a depth."""
    return f"part#{depth(number)}#"


def part(number: int, index: int) -> str:
    """The beginning of the sort keys of one further part, whichever write it is of."""
    return f"{parts(number)}{index:02}#"


def _word(text: str) -> str:
    """Keep a separator inside an id from ending it: ``a#b`` is one word."""
    return text.replace("%", "%25").replace("#", "%23")


def _text(word: str) -> str:
    """Read what ``_word`` wrote."""
    return word.replace("%23", "#").replace("%25", "%")
