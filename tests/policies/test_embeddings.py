import asyncio
import hashlib
import io
import subprocess
import sys
import tarfile
from contextlib import asynccontextmanager

import numpy as np
import pytest
from aiohttp import web

from policies.embeddings import (
    EmbedderUnavailable,
    EndpointEmbedder,
    FetchFailed,
    HashingEmbedder,
    ModelNotTrusted,
    OnnxMiniLM,
    choose_embedder,
    embedded,
    fetch_minilm,
)

TEXTS = ["Electronic cigarettes and pods", "elektronik cigarete pod", "Ivory of elephants", "", "ยาสูบไฟฟ้า"]


def embed(embedder, texts):
    return asyncio.run(embedded(embedder, texts))


# The built-in one


def test_hashed_vectors_are_unit_vectors_and_closer_for_what_reads_alike():
    rows = embed(HashingEmbedder(), TEXTS)
    assert (rows.shape, rows.dtype) == ((5, 2048), np.float32)
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1, 1, 0, 1], abs=1e-6)
    assert rows[0] @ rows[1] > 0.2 > abs(rows[0] @ rows[2])


def test_hashed_vectors_are_the_same_in_every_process(root):
    program = (
        "import hashlib; from policies.embeddings import HashingEmbedder;"
        f"print(hashlib.sha256(HashingEmbedder().vectors({TEXTS!r}).tobytes()).hexdigest())"
    )
    command = [sys.executable, "-c", program]
    said = {
        subprocess.run(
            command,
            cwd=root,
            env={"PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1")
    }
    assert said == {hashlib.sha256(HashingEmbedder().vectors(TEXTS).tobytes()).hexdigest()}


def test_one_text_is_embedded_as_in_company():
    together = embed(HashingEmbedder(), TEXTS)
    assert np.array_equal(together, np.concatenate([embed(HashingEmbedder(), [text]) for text in TEXTS]))


# A model in a directory: here one small enough to write by hand, whose hidden states are rows of a table

WORDS = {"[PAD]": 0, "[UNK]": 1, "red": 2, "blue": 3, "green": 4}
TABLE = np.array([[9, 9, 9], [0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=np.float32)


def field(number, value):
    """Encode one field of a protocol buffer: a number, or bytes with their length."""
    if isinstance(value, int):
        return bytes([number << 3]) + varint(value)
    return bytes([number << 3 | 2]) + varint(len(value)) + value


def varint(value):
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def tensor_type(name, element, *dims):
    sizes = b"".join(field(1, field(1, d) if isinstance(d, int) else field(2, d.encode())) for d in dims)
    return field(1, name.encode()) + field(2, field(1, field(1, element) + field(2, sizes)))


def lookup_model():
    """Write an ONNX model of one node: last_hidden_state = Gather(TABLE, input_ids)."""
    floats, int64 = 1, 7
    node = field(1, b"table") + field(1, b"input_ids") + field(2, b"last_hidden_state") + field(4, b"Gather")
    table = (
        b"".join(field(1, n) for n in TABLE.shape) + field(2, floats) + field(8, b"table") + field(9, TABLE.tobytes())
    )
    graph = field(1, node) + field(2, b"lookup") + field(5, table)
    graph += field(11, tensor_type("input_ids", int64, "batch", "tokens"))
    graph += field(11, tensor_type("attention_mask", int64, "batch", "tokens"))
    graph += field(12, tensor_type("last_hidden_state", floats, "batch", "tokens", TABLE.shape[1]))
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def tokenizer_json():
    from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: PLC0415 - as heavy as in the product

    tokenizer = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))  # noqa: S106 - no password
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer.to_str().encode()


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "minilm"
    folder.mkdir()
    files = {"model.onnx": lookup_model(), "tokenizer.json": tokenizer_json()}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items()]
    (folder / "SHA256SUMS").write_text("".join(sums))
    return folder


def test_a_model_gives_the_mean_of_its_tokens_without_the_padding(model):
    embedder = OnnxMiniLM(model)
    rows = embed(embedder, ["red", "red blue", "blue blue green red red green blue", "nothing known"])
    assert (embedder.dims, rows.dtype) == (3, np.float32)
    half = 0.5**0.5
    expected = np.array([[1, 0, 0], [half, half, 0], np.array([2, 3, 2]) / 17**0.5, [0, 0, 0]])
    assert rows == pytest.approx(expected, abs=1e-6)
    assert embed(embedder, ["red " * 5_000])[0] == pytest.approx([1, 0, 0])
    assert asyncio.run(embedder.embed([])).shape == (0, 3)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "SHA256SUMS"])
def test_a_model_that_is_not_the_recorded_one_is_refused(model, name):
    (model / name).write_bytes((model / name).read_bytes()[:-1] + b"!")
    if name == "SHA256SUMS":
        (model / name).write_text("")
    with pytest.raises(ModelNotTrusted, match=r"SHA256SUMS") as refused:
        OnnxMiniLM(model)
    assert refused.value.code == "embedding_model_not_trusted"
    (model / name).unlink()
    with pytest.raises(ModelNotTrusted):
        OnnxMiniLM(model)


def test_a_recorded_file_that_is_no_model_is_refused(model):
    (model / "model.onnx").write_bytes(b"no model")
    lines = (model / "SHA256SUMS").read_text().splitlines()
    lines[0] = f"{hashlib.sha256(b'no model').hexdigest()}  model.onnx"
    (model / "SHA256SUMS").write_text("\n".join(lines))
    with pytest.raises(ModelNotTrusted):
        OnnxMiniLM(model)


def archive_of(model):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in ("model.onnx", "tokenizer.json"):
            tar.add(model / name, f"onnx/{name}")
    return packed.getvalue()


@asynccontextmanager
async def served(handler, method="POST", path="/v1/embeddings"):
    app = web.Application()
    app.router.add_route(method, path, handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@pytest.fixture
def minilm(monkeypatch):
    """Give Chroma's own embedder, whose address and checksum a test may change."""
    from chromadb.utils.embedding_functions import ONNXMiniLM_L6_V2  # noqa: PLC0415 - heavy

    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def at(url, sha256=ONNXMiniLM_L6_V2._MODEL_SHA256):  # noqa: SLF001 - Chroma's pin
        monkeypatch.setattr(ONNXMiniLM_L6_V2, "MODEL_DOWNLOAD_URL", f"{url}/onnx.tar.gz")
        monkeypatch.setattr(ONNXMiniLM_L6_V2, "_MODEL_SHA256", sha256)

    return at


def test_a_fetched_model_is_recorded_and_serves(tmp_path, model, minilm):
    packed = archive_of(model)

    async def fetch():
        async def give(_request):
            return web.Response(body=packed)

        async with served(give, "GET", "/onnx.tar.gz") as url:
            minilm(url, hashlib.sha256(packed).hexdigest())
            return await asyncio.to_thread(fetch_minilm, tmp_path / "new" / "fetched")

    folder = asyncio.run(fetch())
    assert sorted(path.name for path in folder.iterdir()) == ["SHA256SUMS", "model.onnx", "tokenizer.json"]
    assert embed(OnnxMiniLM(folder), ["blue"])[0] == pytest.approx([0, 1, 0])
    assert [path.name for path in folder.parent.iterdir()] == ["fetched"]


def test_without_a_network_fetching_fails_by_name_and_leaves_nothing(tmp_path, minilm):
    minilm("http://127.0.0.1:9")
    with pytest.raises(FetchFailed, match="MiniLM could not be fetched") as failed:
        fetch_minilm(tmp_path / "fetched")
    assert failed.value.hint
    assert list(tmp_path.iterdir()) == []


# An endpoint


def ask_endpoint(handler, texts, **settings):
    async def ask():
        async with served(handler) as url:
            embedder = EndpointEmbedder(f"{url}/v1", "text-model", "secret", **settings)
            try:
                return await embedded(embedder, texts)
            finally:
                await embedder.close()

    return asyncio.run(ask())


def answer_of(rows):
    data = [{"object": "embedding", "index": i, "embedding": row} for i, row in rows]
    return web.json_response(
        {"object": "list", "model": "text-model", "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}}
    )


def test_an_endpoint_is_asked_in_batches_and_its_answers_put_in_order():
    asked = []

    async def give(request):
        body = await request.json()
        asked.append((request.headers["Authorization"], body))
        rows = [(i, [float(len(text)), 1.0, 0.0]) for i, text in enumerate(body["input"])]
        return answer_of(rows[::-1])

    texts = ["x" * n for n in range(1, 151)]
    rows = ask_endpoint(give, texts, dims=3)
    assert [len(body["input"]) for _, body in asked] == [64, 64, 22]
    assert {key for key, _ in asked} == {"Bearer secret"}
    assert {(body["model"], body["dimensions"]) for _, body in asked} == {("text-model", 3)}
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(150), abs=1e-6)
    assert rows[:, 0] / rows[:, 1] == pytest.approx(np.arange(1, 151), rel=1e-4)


def test_a_text_without_characters_is_asked_as_a_space_and_a_long_one_is_cut():
    async def give(request):
        body = await request.json()
        assert [len(text) for text in body["input"]] == [1, 8_000, 1]
        assert "dimensions" not in body
        return answer_of([(i, [1.0, 0.0]) for i in range(3)])

    assert ask_endpoint(give, ["", "long" * 5_000, "\ud800"]).shape == (3, 2)


@pytest.mark.parametrize(
    "body",
    [
        {"data": []},
        {"data": [{"index": 0, "embedding": []}]},
        {"data": [{"index": 0, "embedding": ["a", "b"]}]},
        {"data": [{"index": 0, "embedding": [1.0, float("nan")]}]},
        {"data": [{"index": 3, "embedding": [1.0]}]},
        {"data": None},
        {"error": {"message": "no such model"}},
        ["not", "an", "object"],
        "text",
    ],
)
def test_an_answer_that_is_not_one_vector_a_text_is_no_answer(body):
    async def give(_request):
        return web.json_response(body)

    with pytest.raises(EmbedderUnavailable):
        ask_endpoint(give, ["vape"])


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_an_endpoint_that_refuses_is_asked_once(status):
    calls = []

    async def refuse(request):
        calls.append(request)
        return web.json_response({"error": {"message": "no"}}, status=status)

    with pytest.raises(EmbedderUnavailable) as failed:
        ask_endpoint(refuse, ["vape"])
    assert len(calls) == 1
    assert "secret" not in str(failed.value)


def test_an_endpoint_that_hangs_is_given_up():
    async def hang(_request):
        await asyncio.sleep(1)

    with pytest.raises(EmbedderUnavailable, match="Timeout"):
        ask_endpoint(hang, ["vape"], timeout_s=0.1)


# The choice


def test_the_best_that_is_set_up_is_chosen(model, tmp_path):
    assert isinstance(choose_embedder(), HashingEmbedder)
    assert isinstance(choose_embedder(folder=tmp_path / "none"), HashingEmbedder)
    assert isinstance(choose_embedder(folder=model), OnnxMiniLM)
    assert isinstance(choose_embedder(base_url="http://127.0.0.1:9/v1", model="m", folder=model), EndpointEmbedder)
    assert isinstance(choose_embedder(base_url="http://127.0.0.1:9/v1"), HashingEmbedder)


def test_a_directory_that_cannot_be_trusted_is_not_passed_over(model):
    (model / "model.onnx").write_bytes(b"another")
    with pytest.raises(ModelNotTrusted):
        choose_embedder(folder=model)


def test_two_embedders_have_two_names(model):
    embedders = [
        HashingEmbedder(),
        OnnxMiniLM(model),
        EndpointEmbedder("http://a.example/v1", "m"),
        EndpointEmbedder("http://a.example/v1", "n"),
        EndpointEmbedder("http://b.example/v1", "m"),
        EndpointEmbedder("http://a.example/v1", "m", dims=256),
    ]
    assert len({embedder.name for embedder in embedders}) == len(embedders)
