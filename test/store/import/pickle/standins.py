"""Classes with the module, name, fields and pickled state of those of google-adk 1.4.2, google-genai and fastapi.

Python's standard library suffices. `python3 pickles.py --adk SRC` compares them with the real classes, byte for byte.
"""

import enum
import sys
import types


def place(cls, module, name):
    """Puts a class where pickle looks for it."""
    cls.__module__, cls.__qualname__, cls.__name__ = module, name, name
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:end]), types.ModuleType(".".join(parts[:end])))
    setattr(sys.modules[module], name, cls)
    return cls


def model(module, name, fields, extra=False):
    """A model of pydantic 2. `fields`: name in Python, name in JSON if it is another one, and the default."""
    fields = [(sys.intern(field), alias or field, default) for field, alias, default in fields]

    def __init__(self, **values):
        known, given = {}, set()
        for field, alias, default in fields:
            if alias in values:
                values[field] = values.pop(alias)
            if field in values:
                given.add(field)
            known[field] = values.pop(field, default() if callable(default) else default)
        given.update(values)
        assert extra or not values, values
        self.pickled = {
            "__dict__": known,
            "__pydantic_extra__": values if extra else None,
            "__pydantic_fields_set__": given,
            "__pydantic_private__": None,
        }

    members = {"__init__": __init__, "__getstate__": lambda self: self.pickled, "fields": fields}
    return place(type(name, (), members), module, name)


def none(*fields):
    """Fields that are None by default, as "name alias" or "name"."""
    return [(name, alias, None) for name, _, alias in (field.partition(" ") for field in fields)]


def choices(module, name, base=(), **members):
    return place(enum.Enum(name, members, type=base or None), module, name)


CREDENTIAL, SCHEMES, OPENAPI = "google.adk.auth.auth_credential", "google.adk.auth.auth_schemes", "fastapi.openapi.models"

AuthCredentialTypes = choices(CREDENTIAL, "AuthCredentialTypes", str, API_KEY="apiKey", HTTP="http", OAUTH2="oauth2")
SecuritySchemeType = choices(OPENAPI, "SecuritySchemeType", apiKey="apiKey", oauth2="oauth2", openIdConnect="openIdConnect")
APIKeyIn = choices(OPENAPI, "APIKeyIn", query="query", header="header", cookie="cookie")
Language = choices("google.genai.types", "Language", str, PYTHON="PYTHON")

APIKey = model(
    OPENAPI,
    "APIKey",
    [("type_", "type", lambda: SecuritySchemeType.apiKey), ("description", "", None), ("in_", "in", None), ("name", "", None)],
    extra=True,
)
OAuthFlowAuthorizationCode = model(
    OPENAPI,
    "OAuthFlowAuthorizationCode",
    [("refreshUrl", "", None), ("scopes", "", dict), ("authorizationUrl", "", None), ("tokenUrl", "", None)],
    extra=True,
)
OAuthFlows = model(
    OPENAPI, "OAuthFlows", none("implicit", "password", "clientCredentials", "authorizationCode"), extra=True
)
OAuth2 = model(
    OPENAPI,
    "OAuth2",
    [("type_", "type", lambda: SecuritySchemeType.oauth2), ("description", "", None), ("flows", "", None)],
    extra=True,
)
OpenIdConnectWithConfig = model(
    SCHEMES,
    "OpenIdConnectWithConfig",
    [("type_", "type", lambda: SecuritySchemeType.openIdConnect)]
    + none(
        "description",
        "authorization_endpoint authorizationEndpoint",
        "token_endpoint tokenEndpoint",
        "userinfo_endpoint userinfoEndpoint",
        "revocation_endpoint revocationEndpoint",
        "token_endpoint_auth_methods_supported tokenEndpointAuthMethodsSupported",
        "grant_types_supported grantTypesSupported",
        "scopes",
    ),
    extra=True,
)
HttpCredentials = model(CREDENTIAL, "HttpCredentials", none("username", "password", "token"), extra=True)
HttpAuth = model(CREDENTIAL, "HttpAuth", none("scheme", "credentials"), extra=True)
OAuth2Auth = model(
    CREDENTIAL,
    "OAuth2Auth",
    none(
        "client_id clientId",
        "client_secret clientSecret",
        "auth_uri authUri",
        "state",
        "redirect_uri redirectUri",
        "auth_response_uri authResponseUri",
        "auth_code authCode",
        "access_token accessToken",
        "refresh_token refreshToken",
        "expires_at expiresAt",
        "expires_in expiresIn",
    ),
    extra=True,
)
ServiceAccountCredential = model(
    CREDENTIAL,
    "ServiceAccountCredential",
    none(
        "type_ type",
        "project_id projectId",
        "private_key_id privateKeyId",
        "private_key privateKey",
        "client_email clientEmail",
        "client_id clientId",
        "auth_uri authUri",
        "token_uri tokenUri",
        "auth_provider_x509_cert_url authProviderX509CertUrl",
        "client_x509_cert_url clientX509CertUrl",
        "universe_domain universeDomain",
    ),
    extra=True,
)
ServiceAccount = model(
    CREDENTIAL,
    "ServiceAccount",
    none("service_account_credential serviceAccountCredential", "scopes")
    + [("use_default_credential", "useDefaultCredential", False)],
    extra=True,
)
AuthCredential = model(
    CREDENTIAL,
    "AuthCredential",
    none("auth_type authType", "resource_ref resourceRef", "api_key apiKey", "http", "service_account serviceAccount", "oauth2"),
    extra=True,
)
AuthConfig = model(
    "google.adk.auth.auth_tool",
    "AuthConfig",
    none(
        "auth_scheme authScheme",
        "raw_auth_credential rawAuthCredential",
        "exchanged_auth_credential exchangedAuthCredential",
        "credential_key credentialKey",
    ),
    extra=True,
)
EventActions = model(
    "google.adk.events.event_actions",
    "EventActions",
    [
        ("skip_summarization", "skipSummarization", None),
        ("state_delta", "stateDelta", dict),
        ("artifact_delta", "artifactDelta", dict),
        ("transfer_to_agent", "transferToAgent", None),
        ("escalate", "", None),
        ("requested_auth_configs", "requestedAuthConfigs", dict),
    ],
)

# Of later versions of ADK, and of user's code.
FunctionCall = model("google.genai.types", "FunctionCall", none("id", "args", "name"))
Blob = model("google.genai.types", "Blob", none("data", "display_name displayName", "mime_type mimeType"))
Part = model(
    "google.genai.types",
    "Part",
    none("function_call functionCall", "inline_data inlineData", "text", "thought", "thought_signature thoughtSignature"),
)
Content = model("google.genai.types", "Content", none("parts", "role"))
EventCompaction = model(
    "google.adk.events.event_actions",
    "EventCompaction",
    none("start_timestamp startTimestamp", "end_timestamp endTimestamp", "compacted_content compactedContent"),
)
ToolConfirmation = model(
    "google.adk.tools.tool_confirmation",
    "ToolConfirmation",
    [("hint", "", ""), ("confirmed", "", False), ("payload", "", None)],
)
LaterActions = model(
    "google.adk.events.event_actions",
    "EventActions",
    [(field, alias, default) for field, alias, default in EventActions.fields]
    + [
        ("requested_tool_confirmations", "requestedToolConfirmations", dict),
        ("compaction", "", None),
        ("end_of_agent", "endOfAgent", None),
        ("agent_state", "agentState", None),
        ("rewind_before_invocation_id", "rewindBeforeInvocationId", None),
    ],
)
place(EventActions, "google.adk.events.event_actions", "EventActions")
UserModel = model("shop.models", "Basket", [("item_count", "", 0), ("note", "", None)])
