"""Every command of ``antiphon`` with its arguments.

What the commands do is imported when one runs: help, completion and usage errors come at once.
"""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter, _ArgumentGroup
from typing import Any, Final

from antiphon import __version__
from cli.commands import Commands, Later
from cli.usage import Parser

DESCRIPTION: Final = """\
Manage the tenants, roles, users, agents, grants and API keys of an Antiphon deployment; talk to its agents."""
EPILOG: Final = """\
Where: one of --stack, --core-table with --responses-table, and --database; else ANTIPHON_CORE_TABLE with
ANTIPHON_RESPONSES_TABLE, or ANTIPHON_DATABASE; else the local server's database, .antiphon/antiphon.db in this folder.

On a fresh deployment, in this order:
  antiphon users put ada --role ADMIN
  antiphon agents apply examples/echo.yaml --author ada
  antiphon keys create --user ada

Exit codes: 0 done; 1 refused, not found, invalid input or a failed check; 2 wrong usage; 3 out of reach."""

USED_BY: Final = ("user", "key", "agent", "model", "day")
PERMISSIONS: Final = ("USE", "CREATE", "SHARE", "SHARE_PUBLIC")
AREAS: Final = ("agents", "keys", "people", "limits", "responses", "approvals", "webhooks")
RIGHTS: Final = (
    *(f"{area}:{verb}" for area in AREAS for verb in ("read", "write")),
    *(f"{area}:read" for area in ("content", "usage", "audit")),
)
"""The rights of ``access.rights``, whose import help need not wait for."""

KINDS: Final = ("key", "user", "role", "group", "grant", "agent", "tenant", "response", "approval", "webhook")
"""The kinds of ``audit.KINDS``, whose import help need not wait for."""

SHELLS: Final = ("bash", "zsh", "fish")
_PRINCIPAL: Final = "user:ID, group:ID, role:ID or public"
_LEVEL: Final = "viewer (1), editor (3), owner (15) or a sum of VIEW 1, EDIT 2, DELETE 4, SHARE 8"
_KEY: Final = "the API key (ANTIPHON_API_KEY or OPENAI_API_KEY in the environment)"
_KEY_ID: Final = "its id or its beginning (KEY), as `keys list` shows them, as far as it is unique"
_FILES: Final = "YAML or JSON files, or folders of them; - for stdin"


def parser(*, completing: bool = False) -> Parser:
    """Return the parser of the whole command line; for a completion it describes the global options everywhere."""
    root = Parser("antiphon", description=DESCRIPTION, epilog=EPILOG, formatter_class=RawDescriptionHelpFormatter)
    root.add_argument("--version", action="version", version=f"antiphon {__version__}")
    _options(root.add_argument_group("global options, before or after the command"))
    again = Parser(add_help=False)
    _options(again, default=SUPPRESS, described=completing)
    commands = Commands(root.add_subparsers(title="commands", required=True, metavar="COMMAND"), again)
    for add in (
        _agents,
        _tools,
        _keys,
        _users,
        _roles,
        _groups,
        _grants,
        _tenants,
        _usage,
        _audit,
        _user_responses,
        _approvals,
    ):
        add(commands)
    _webhooks(commands)
    _console(commands)
    _chat(commands)
    _responses(commands)
    _check(commands)
    _backup(commands)
    shells = commands.standalone("completion", "print what completes commands in a shell", Later("completion", "write"))
    shells.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))
    return root


def _options(parser: ArgumentParser | _ArgumentGroup, *, default: str | None = None, described: bool = True) -> None:
    def option(name: str, help: str, **more: Any) -> None:
        parser.add_argument(name, default=default, help=help if described else SUPPRESS, **more)

    option("--stack", "a CloudFormation stack of Antiphon", metavar="NAME")
    option("--core-table", "DynamoDB tables instead; both together", metavar="T")
    option("--responses-table", "the other table", metavar="T")
    option("--database", "an SQLite file instead", metavar="FILE")
    option("--region", "the AWS region of the stack or tables", metavar="R")
    option("--tenant", "the tenant to work in (default)", metavar="ID")
    option("--json", "one JSON document on stdout", action="store_true")


def _agents(commands: Commands) -> None:
    agents = commands.group("agents", "agents, which clients address as `model`")
    apply = agents.command("apply", "create or update the agents of files", Later("agents", "apply"), changes=True)
    diff = agents.command("diff", "show what `apply` would change, and change nothing", Later("agents", "diff"))
    for command in (apply, diff):
        command.add_argument("files", metavar="FILE", nargs="+", help=_FILES)
        command.add_argument("--author", metavar="U", help="the agents' author, if the files do not name one")
    command = agents.command("list", "list all agents", Later("agents", "list_agents"))
    command.add_argument("--deleted", action="store_true", help="those that were deleted and can be restored")
    command = agents.command("show", "write an agent as a file that `apply` takes", Later("agents", "show"))
    _id(command, "agent").add_argument("--version", type=int, metavar="N", help="as it was in this version")
    _id(agents.command("history", "list the versions of an agent, newest first", Later("versions", "history")), "agent")
    command = agents.command("compare", "show what changed between two versions", Later("versions", "compare"))
    _id(command, "agent")
    command.add_argument(
        "old", metavar="OLD", type=int, nargs="?", help="the version before the one in force, if absent"
    )
    command.add_argument("new", metavar="NEW", type=int, nargs="?", help="by default the one in force")
    command = agents.command(
        "rollback",
        "bring a former version of an agent back, as a new version",
        Later("versions", "roll_back"),
        changes=True,
    )
    _id(command, "agent").add_argument("version", metavar="N", type=int, help="the version, as `history` lists it")
    command = agents.command(
        "delete", "delete an agent; for 30 days it can be restored", Later("agents", "delete"), asks=True
    )
    _id(command, "agent")
    command = agents.command(
        "restore", "bring a deleted agent back, with its grants", Later("versions", "restore"), changes=True
    )
    _id(command, "agent")


def _tools(commands: Commands) -> None:
    tools = commands.group("tools", "tools of servers, which Antiphon runs for an agent")
    diff = tools.command("diff", "show what the servers changed since the agent was applied", Later("tools", "diff"))
    test = tools.command("test", "reach an agent's servers, or call one of its tools", Later("tools", "test"))
    for command in (diff, test):
        command.add_argument("agent", metavar="AGENT", help="the agent's id")
    test.add_argument("tool", metavar="TOOL", nargs="?", help="the tool to call: the server's label, __, its name")
    test.add_argument("--arguments", metavar="JSON", default="{}", help="what the tool gets, a JSON object ({})")


def _keys(commands: Commands) -> None:
    keys = commands.group("keys", "API keys")
    command = keys.command("create", "make a key for a user and print it, once", Later("keys", "create"), changes=True)
    command.add_argument("--user", required=True, metavar="U", help="whose key it is")
    command.add_argument("--name", default="", metavar="N", help="what the key is for")
    command.add_argument(
        "--expires", metavar="WHEN", help="a span (90d, 12h, 30m, 2w) or an ISO date; never by default"
    )
    command.add_argument("--agent", action="append", metavar="A", help="only for this agent; repeat for more")
    command.add_argument("--read-only", action="store_true", help="the key can read, and never create")
    command.add_argument(
        "--management", action="store_true", help="it manages what its user's role may, and cannot call agents"
    )
    _budget(command)
    command = keys.command(
        "limit", "set the limits of a key; without an option show them", Later("keys", "limit"), changes=True
    )
    command.add_argument("id", metavar="ID", help=_KEY_ID)
    _budget(command)
    command.add_argument("--none", action="store_true", help="remove its limits")
    command = keys.command("list", "list keys, newest first, revoked and expired ones too", Later("keys", "list_keys"))
    command.add_argument("--user", metavar="U", help="only the keys of this user")
    command = keys.command("revoke", "end a key", Later("keys", "revoke"), asks=True)
    command.add_argument("id", metavar="ID", help=_KEY_ID)


def _budget(command: Parser) -> None:
    for name, counted in (
        ("requests-per-minute", "responses that may be created in a minute"),
        ("tokens-per-day", "tokens that may be used in a day of UTC"),
        ("tokens-per-month", "tokens that may be used in a month of UTC"),
        ("usd-per-month", "US dollars that may be used in a month of UTC"),
    ):
        command.add_argument(f"--{name}", metavar="N", help=counted)


def _users(commands: Commands) -> None:
    users = commands.group("users", "users: people and services that hold keys")
    command = users.command("put", "create or change a user", Later("people", "put_user"), begins=True)
    _id(command, "user")
    command.add_argument("--name", metavar="N", help="a name for lists")
    command.add_argument("--role", metavar="R", help="its role; USER for a new user")
    membership = command.add_mutually_exclusive_group()
    membership.add_argument("--group", action="append", metavar="G", help="a group it is in; repeat for all of them")
    membership.add_argument("--no-groups", action="store_true", help="it is in no group")
    users.command("list", "list all users", Later("people", "list_users"))
    _id(users.command("show", "show a user, its role and the agents it may use", Later("people", "show_user")), "user")
    command = users.command(
        "limit", "set the limits of a user; without an option show them", Later("people", "limit_user"), changes=True
    )
    _id(command, "user")
    _budget(command)
    command.add_argument("--limits", metavar="FILE", help="its limits, YAML or JSON; - for stdin; options go before it")
    command.add_argument("--none", action="store_true", help="remove its own limits")
    command = users.command(
        "export", "write all that is stored about a user, as JSON Lines", Later("data", "export"), changes=True
    )
    _id(command, "user").add_argument("--output", metavar="FILE", help="into this file, not to stdout")
    command = users.command("erase", "erase a user with all that is stored about it", Later("data", "erase"), asks=True)
    _id(command, "user")
    agents = command.add_mutually_exclusive_group()
    agents.add_argument("--agents", choices=("delete",), metavar="delete", help="delete the user's agents for good")
    agents.add_argument("--agents-to", metavar="U", help="give the user's agents to this user")
    _id(
        users.command(
            "delete", "delete a user, end its keys, remove its grants", Later("people", "delete_user"), asks=True
        ),
        "user",
    )


def _roles(commands: Commands) -> None:
    roles = commands.group("roles", "roles: what their users may do at all")
    command = roles.command("put", "create or change a role", Later("people", "put_role"), begins=True)
    _id(command, "role")
    permissions = command.add_mutually_exclusive_group()
    permissions.add_argument(
        "--permission",
        action="extend",
        nargs="+",
        choices=PERMISSIONS,
        metavar="P",
        help=f"all permissions that it holds, of {', '.join(PERMISSIONS)}",
    )
    permissions.add_argument("--no-permissions", action="store_true", help="it holds none")
    rights = command.add_mutually_exclusive_group()
    rights.add_argument(
        "--manage",
        action="extend",
        nargs="+",
        choices=("all", *RIGHTS),
        metavar="R",
        help=f"all rights of its management keys, of {', '.join(RIGHTS)}; or all",
    )
    rights.add_argument("--manage-nothing", action="store_true", help="it has no rights to manage")
    _limits(command)
    roles.command("list", "list all roles, the built-in ones too", Later("people", "list_roles"))
    _id(roles.command("show", "show a role, its limits and its users", Later("people", "show_role")), "role")
    _id(roles.command("delete", "delete a role that no user has", Later("people", "delete_role"), asks=True), "role")


def _groups(commands: Commands) -> None:
    groups = commands.group("groups", "groups of users, for grants")
    command = groups.command("put", "create or rename a group", Later("people", "put_group"), begins=True)
    _id(command, "group")
    command.add_argument("--name", metavar="N", help="a name for lists")
    groups.command("list", "list all groups", Later("people", "list_groups"))
    _id(
        groups.command("delete", "delete a group; its users leave it", Later("people", "delete_group"), asks=True),
        "group",
    )


def _grants(commands: Commands) -> None:
    grants = commands.group("grants", "who may do what with an agent")
    add = grants.command(
        "add", "grant a level on an agent, in place of an earlier one", Later("grants", "add_grant"), changes=True
    )
    remove = grants.command("remove", "take a grant back", Later("grants", "remove_grant"), asks=True)
    listing = grants.command("list", "list the grants on an agent", Later("grants", "list_grants"))
    why = grants.command("why", "explain whether a user may run an agent", Later("grants", "why"))
    for command in (add, remove, listing, why):
        command.add_argument("agent", metavar="AGENT", help="the agent's id")
    for command in (add, remove):
        command.add_argument("principal", metavar="PRINCIPAL", help=_PRINCIPAL)
    add.add_argument("level", metavar="LEVEL", help=_LEVEL)
    why.add_argument("user", metavar="USER", help="the user's id")


def _tenants(commands: Commands) -> None:
    tenants = commands.group("tenants", "tenants: each invisible to every other")
    command = tenants.command("put", "create or change a tenant", Later("people", "put_tenant"), begins=True)
    _limits(_id(command, "tenant"))
    command = tenants.command("show", "show a tenant and its limits", Later("people", "show_tenant"))
    command.add_argument("id", metavar="ID", nargs="?", help="the tenant's id; by default that of --tenant")


def _usage(commands: Commands) -> None:
    command = commands.command("usage", "show who used how much", Later("used", "usage"))
    command.add_argument("--by", choices=USED_BY, default="user", help="user (the default), key, agent, model or day")
    command.add_argument("--of", metavar="ID", help="the days of one user, key, agent or model (provider/model) alone")
    command.add_argument("--from", dest="first", metavar="DAY", help="the first day of UTC; the first of the month")
    command.add_argument("--to", dest="last", metavar="DAY", help="the last day, included; today")


def _chat(commands: Commands) -> None:
    command = commands.standalone("chat", "talk to an agent of a running server", Later("chat.command", "chat"))
    command.add_argument("agent", metavar="AGENT", help="what to send as `model`")
    _server(command)
    command.add_argument("--message", "-m", metavar="TEXT", help="send one message, show the answer and end")
    command.add_argument("--instructions", metavar="TEXT", help="instructions for the model, sent with every message")
    command.add_argument("--continue", dest="resume", metavar="ID", help="continue a stored response")
    command.add_argument(
        "--no-store", action="store_true", help="the server keeps nothing; the conversation is sent anew"
    )


def _responses(commands: Commands) -> None:
    responses = commands.group("responses", "stored responses of a running server")
    listing = responses.standalone(
        "list", "list the newest responses of the key's user", Later("responses", "list_responses")
    )
    _server(listing)
    listing.add_argument("--user", metavar="U", help="the responses of this user, with a management key")
    listing.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many (20)")
    listing.add_argument("--after", metavar="ID", help="those that follow this response")
    does = {
        "show": "show a response with its items",
        "follow": "show a response as it streams, to its end",
        "cancel": "cancel a response that is queued or running",
        "delete": "delete a response with all its content",
    }
    for name, sentence in does.items():
        command = responses.standalone(name, sentence, Later("responses", name), asks=name == "delete")
        _server(_id(command, "response"))
        if name == "follow":
            command.add_argument("--after", type=int, metavar="N", help="only the events after this sequence number")


def _server(command: Parser) -> None:
    command.add_argument(
        "--url",
        metavar="URL",
        help="the base URL, up to and with /v1 (ANTIPHON_BASE_URL or OPENAI_BASE_URL in the environment); "
        "else that of the stack or of the local server",
    )
    command.add_argument("--key", metavar="K", help=_KEY)


def _user_responses(commands: Commands) -> None:
    responses = commands.group("user-responses", "stored responses of any user, without their content")
    module = "user_responses"
    listing = responses.command("list", "list the newest responses of a user", Later(module, "list_responses"))
    show = responses.command("show", "show times, tokens and kinds of items", Later(module, "show"))
    cancel = responses.command("cancel", "end a running response", Later(module, "cancel"), changes=True)
    delete = responses.command("delete", "remove a response with its content", Later(module, "delete"), asks=True)
    for command in (listing, show, cancel, delete):
        command.add_argument("user", metavar="USER", help="whose responses")
    for command in (show, cancel, delete):
        _id(command, "response")
    show.add_argument(
        "--content", action="store_true", help="show its content too; reading it is recorded in the audit log"
    )
    listing.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many (20)")
    listing.add_argument("--after", metavar="ID", help="those that follow this response")


def _audit(commands: Commands) -> None:
    command = commands.command("audit", "list who changed what, newest first", Later("audit", "list_entries"))
    command.add_argument("--since", metavar="WHEN", help="from a span ago (7d, 12h) or an ISO date on")
    command.add_argument("--actor", metavar="A", help="only what this user or account did")
    command.add_argument("--kind", metavar="K", choices=KINDS, help=f"only one kind of record: {', '.join(KINDS)}")
    command.add_argument(
        "--object", "--target", dest="target", metavar="KIND:ID", help="only what was done to this, such as agent:guide"
    )
    command.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many (50); 0 for all")


def _approvals(commands: Commands) -> None:
    approvals = commands.group("approvals", "calls of tools that wait for an approval")
    approvals.command("list", "list the calls that wait, oldest first", Later("approvals", "list_approvals"))
    _id(approvals.command("approve", "let a call be made", Later("approvals", "approve"), changes=True), "approval")
    deny = approvals.command("deny", "let a call not be made", Later("approvals", "deny"), changes=True)
    _id(deny, "approval")
    deny.add_argument("--reason", default="", metavar="TEXT", help="why; the model reads it")


def _webhooks(commands: Commands) -> None:
    webhooks = commands.group("webhooks", "endpoints of other systems, called when responses end")
    create = webhooks.command(
        "create", "make a webhook and print its secret, once", Later("webhooks", "create"), changes=True
    )
    create.add_argument("url", metavar="URL", help="where events are sent")
    create.add_argument("--name", default="", metavar="N", help="a name for lists")
    create.add_argument(
        "--event", action="append", metavar="E", help="only events of this type; repeat for more; all by default"
    )
    webhooks.command("list", "list all webhooks", Later("webhooks", "list_webhooks"))
    _id(
        webhooks.command("show", "show a webhook with what never reached it", Later("webhooks", "show_webhook")),
        "webhook",
    )
    rotate = webhooks.command(
        "rotate",
        "change the secret of a webhook and print the new one, once",
        Later("webhooks", "rotate"),
        changes=True,
    )
    _id(rotate, "webhook")
    rotate.add_argument("--keep-old", action="store_true", help="the secret before goes on signing for 24 hours")
    _id(
        webhooks.command(
            "test", "send a webhook an event from this machine", Later("webhooks", "send_test"), changes=True
        ),
        "webhook",
    )
    webhooks.command("failures", "list the deliveries that failed for good", Later("webhooks", "failures"))
    _id(webhooks.command("delete", "delete a webhook", Later("webhooks", "delete"), asks=True), "webhook")


def _console(commands: Commands) -> None:
    command = commands.command(
        "console", "serve a page on this machine that manages the deployment", Later("console", "console"), changes=True
    )
    command.add_argument(
        "--port", type=int, default=0, metavar="N", help="its port on 127.0.0.1; a free one by default"
    )
    command.add_argument(
        "--url",
        metavar="URL",
        help="where the service answers, up to and with /v1, to try agents; else that of the stack, of "
        "ANTIPHON_BASE_URL or OPENAI_BASE_URL, or of the local server",
    )


def _backup(commands: Commands) -> None:
    command = commands.standalone(
        "backup", "write all that is stored into a file, while a server may run", Later("backup", "back_up")
    )
    command.add_argument("file", metavar="FILE", help="the file to make")
    command = commands.standalone(
        "restore",
        "put a backup in the place of a database that no server uses, or into empty tables",
        Later("backup", "restore"),
        asks=True,
    )
    command.add_argument("file", metavar="FILE", help="what `backup` made")
    command.add_argument("--sha256", metavar="DIGEST", help="the digest that `backup` printed; another file is refused")


def _check(commands: Commands) -> None:
    command = commands.standalone(
        "check", "check any server against the Open Responses specification, by its URL", Later("check", "check")
    )
    command.add_argument("url", metavar="URL", help="the base URL, up to and with /v1")
    command.add_argument("--key", metavar="K", help=_KEY)
    command.add_argument("--agent", metavar="A", required=True, help="what to send as `model`")
    command.add_argument("--chat", action="store_true", help="check Chat Completions instead of Open Responses")


def _id(command: Parser, kind: str) -> Parser:
    command.add_argument("id", metavar="ID", help=f"the {kind}'s id")
    return command


def _limits(command: Parser) -> None:
    command.add_argument("--limits", metavar="FILE", help="its limits, YAML or JSON; - for stdin, {} for none")
