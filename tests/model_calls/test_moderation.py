"""Errors from a provider's moderation are distinguished from all other errors."""

import json
from types import SimpleNamespace
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from misfire.model_calls.moderation import moderated

REQUEST = httpx2.Request("POST", "http://localhost/v1/chat/completions")


def openai_error(status: int, body: object) -> Exception:
    """The error as OpenAI's client raises it for a response."""
    client = openai.OpenAI(api_key="none", base_url="http://localhost")
    return client._make_status_error_from_response(httpx2.Response(status, json=body, request=REQUEST))


def anthropic_error(status: int, body: object) -> Exception:
    client = anthropic.Anthropic(api_key="none", base_url="http://localhost")
    return client._make_status_error_from_response(httpx2.Response(status, json=body, request=REQUEST))


def error(
    code: object = None,
    message: str = "The server said no.",
    kind: str | None = "invalid_request_error",
    **more: Any,
) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code} | more}


MODERATED = {
    "Qwen": (
        400,
        error(
            "data_inspection_failed",
            "Input data may contain inappropriate content.",
            "data_inspection_failed",
        ),
    ),
    "Qwen, by its code alone": (400, error("data_inspection_failed")),
    "Qwen, in other words": (
        400,
        error(
            None,
            "<400> InternalError.Algo.DataInspectionFailed: Input text data may contain inappropriate "
            "content.",
        ),
    ),
    "DashScope's own API": (
        400,
        {
            "code": "DataInspectionFailed",
            "message": "Output data may contain inappropriate content.",
            "request_id": "1",
        },
    ),
    "GLM": (
        400,
        {
            "error": {"code": "1301", "message": "系统检测到输入或生成内容可能包含不安全或敏感内容"},
            "contentFilter": [{"role": "user", "level": 1}],
        },
    ),
    "GLM, by its number alone": (400, error("1301")),
    "GLM, a number in JSON": (400, error(1301)),
    "Azure": (
        400,
        error(
            "content_filter",
            "The response was filtered.",
            None,
            innererror={"code": "ResponsibleAIPolicyViolation"},
        ),
    ),
    "Azure, the inner code alone": (
        400,
        error("BadRequest", innererror={"code": "ResponsibleAIPolicyViolation"}),
    ),
    "OpenAI": (
        400,
        error("content_policy_violation", "Your request was rejected as a result of our safety system."),
    ),
    "OpenAI's images": (400, error("moderation_blocked")),
    "DeepSeek": (400, error("invalid_request_error", "Content Exists Risk")),
    "Moonshot": (
        400,
        error(None, "The request was rejected because it was considered high risk", "content_filter"),
    ),
    "StepFun": (
        451,
        error(
            "censorship_blocked",
            "The content you provided or machine outputted is blocked.",
            "censorship_blocked",
        ),
    ),
    "Ark": (
        400,
        error(
            "SensitiveContentDetected",
            "The request failed because the input text may contain sensitive information.",
        ),
    ),
    "Ark, input": (400, error("InputTextSensitiveContentDetected.Violence")),
    "a gateway": (
        400,
        error("sensitive_words_detected", "input contains sensitive words: [test]", "new_api_error"),
    ),
    "Grok": (
        403,
        {
            "code": "The caller does not have permission to execute the specified operation",
            "error": "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO",
        },
    ),
    "OpenRouter": (
        403,
        error(
            403,
            "model requires moderation on OpenRouter. Your input was flagged.",
            metadata={"reasons": ["harassment"], "flagged_input": "…"},
        ),
    ),
    "Google through a gateway": (403, error("PROHIBITED_CONTENT")),
    "Gemini": (
        400,
        {
            "error": {
                "code": 400,
                "status": "INVALID_ARGUMENT",
                "message": "The prompt was blocked due to safety settings.",
            }
        },
    ),
    "Bedrock": (400, {"message": "The model output was blocked by our content filters, please try again."}),
    "MiniMax": (422, {"base_resp": {"status_code": 1026, "status_msg": "input new_sensitive"}}),
    "a plain text": (400, "Request blocked: content policy violation"),
}

OTHER = {
    "a bad field": (
        400,
        error(
            None,
            "Unsupported parameter: 'temperature' is not supported with this model.",
            param="temperature",
        ),
    ),
    "a bad safety setting": (400, error("invalid_safety_settings", "Invalid value for safety_settings.")),
    "an unknown field that names content": (400, error(None, "Unknown field 'content_filter' in request")),
    "too long": (
        400,
        error("context_length_exceeded", "This model's maximum context length is 8192 tokens."),
    ),
    "a bad type of content": (
        400,
        error(None, "Invalid content type. image_url is only supported by certain models."),
    ),
    "nothing said": (400, error()),
    "a key that is rejected": (401, error("invalid_api_key", "Content filter: sensitive content")),
    "a model that is not there": (404, error("model_not_found", "The model `safety` does not exist.")),
    "no access": (403, error(None, "Your account was blocked for violating our usage policies.")),
    "no access in a region": (
        403,
        error("unsupported_country_region_territory", "Country, region, or territory not supported"),
    ),
    "legal reasons": (451, error(None, "This model is unavailable in your region.")),
    "moderation that is down": (
        400,
        error("moderation_unavailable", "The moderation service is unavailable."),
    ),
    "too many requests": (
        429,
        error("rate_limit_exceeded", "Requests to the moderation endpoint were limited."),
    ),
    "moderation's own failure": (500, error("content_filter_error", "The content filter failed.")),
    "a template without a system role": (400, error(None, "System role not supported")),
    "generated code": (400, error("generation_failed", "The tool's output could not be generated.")),
}


@pytest.mark.parametrize("name", MODERATED)
@pytest.mark.parametrize("raised", [openai_error, anthropic_error])
def test_moderation_is_recognized_by_code_or_words_with_any_client(name: str, raised: Any):
    found = moderated(raised(*MODERATED[name]))
    assert found is not None
    assert found.status == MODERATED[name][0]
    assert found.message


@pytest.mark.parametrize("name", OTHER)
@pytest.mark.parametrize("raised", [openai_error, anthropic_error])
def test_no_other_error_is_taken_for_moderation(name: str, raised: Any):
    assert moderated(raised(*OTHER[name])) is None


def test_moderation_is_found_in_the_cause_of_an_error_and_in_errors_of_other_clients():
    outer = RuntimeError("Request: … sensitive content …")
    outer.__cause__ = openai_error(*MODERATED["Qwen"])
    assert moderated(outer) is not None
    text_body = Exception("no")
    text_body.status_code, text_body.body = 400, json.dumps(MODERATED["DeepSeek"][1])  # type: ignore[attr-defined] (as Mistral's client)
    assert moderated(text_body) is not None
    boto = Exception("An error occurred")
    boto.response = {"Error": {"Code": "ValidationException", "Message": MODERATED["Bedrock"][1]["message"]}}  # type: ignore[attr-defined, index]
    assert moderated(boto) is not None
    retried = Exception("gave up")
    retried.last_attempt = SimpleNamespace(exception=lambda: openai_error(*MODERATED["GLM"]))  # type: ignore[attr-defined]
    assert moderated(retried) is not None


def test_misfires_own_errors_and_quoted_requests_are_not_searched():
    assert moderated(ValueError("inappropriate content")) is None
    wrapper = RuntimeError("Request: the prompt was blocked by the content filter")
    wrapper.status_code, wrapper.provider_message = 400, "no"  # type: ignore[attr-defined] (as Inspect's wrapper)
    wrapper.__cause__ = openai_error(*OTHER["nothing said"])
    assert moderated(wrapper) is None
