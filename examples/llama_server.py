"""Serve a GGUF file with llama.cpp's server, which speaks OpenAI's API on this machine.

It needs no build of llama.cpp, because ``pip install xllamacpp`` brings the server in a wheel. If you have
the program ``llama-server``, use that: ``llama-server -m FILE --alias smol --port 8132 -np 1``.

    python examples/llama_server.py FILE --name smol --port 8132

``docs/models.md`` says how to evaluate the model.
"""

# xllamacpp is an extension module without types
# pyright: reportAttributeAccessIssue=false

import argparse
import signal
from pathlib import Path

import xllamacpp


def main() -> None:
    """Serve until the process is interrupted or terminated."""
    options = argparse.ArgumentParser(description="Serve a GGUF file with llama.cpp's server.")
    options.add_argument("file", type=Path, help="the GGUF file")
    options.add_argument("--name", help="name of the model in requests (default: the file's name)")
    options.add_argument("--port", type=int, default=8132, help="port on 127.0.0.1; 0 takes a free one")
    options.add_argument("--slots", type=int, default=1, help="number of requests that are computed together")
    options.add_argument(
        "--context", type=int, default=2048, help="number of tokens of a request with its reply"
    )
    options.add_argument("--threads", type=int, help="number of threads (default: llama.cpp's own choice)")
    options.add_argument(
        "--no-prompt-cache", action="store_true", help="compute every prompt from its beginning"
    )
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # so that this thread gets them, and none of the server's
    server = start(options.parse_args())
    print(server.listening_address, flush=True)
    signal.sigwait(ends)


def start(options: argparse.Namespace) -> xllamacpp.Server:
    """Start the server; it runs until the process ends.

    Args:
        options: The command line.
    """
    if not options.file.is_file():
        raise SystemExit(f"{options.file}: there is no such file.")
    params = xllamacpp.CommonParams()
    params.model.path = str(options.file)
    params.model_alias = {options.name or options.file.stem}
    params.port = options.port
    params.n_parallel = options.slots
    params.n_ctx = options.context * options.slots  # the slots share the context
    params.cache_prompt = not options.no_prompt_cache
    if options.threads:
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
