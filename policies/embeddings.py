"""Texts to vectors: built in (hashing, no model), from a MiniLM directory, or from an OpenAI-compatible endpoint."""

import asyncio
import hashlib
import math
import shutil
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Protocol
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from cases.problem import CasewrightError
from policies.terms import content_grams

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """Turns texts into vectors. Users: hashing (deterministic, no model), MiniLM, an endpoint.

    Attributes:
        name: names the vectors' space, not only the model: two embedders of one name give comparable vectors.
        dims: length of a vector; 0 where only the first answer tells.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see the class

    @property
    def dims(self) -> int: ...  # noqa: D102 - see the class

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed texts, in order.

        Returns:
            One row a text, float32, of length 1 (cosine is the dot product); a text that says nothing may be all 0.

        Raises:
            EmbedderUnavailable: no usable answer.
        """
        ...


class EmbedderUnavailable(CasewrightError):
    """The embedder {name} gave no vectors: {why}"""

    code: ClassVar[str] = "embedder_unavailable"
    hint: ClassVar[str] = "the clause search goes on without it; check the endpoint, or its key and model name"


class ModelNotTrusted(CasewrightError):
    """The embedding model in {pointer} cannot be used: {why}"""

    code: ClassVar[str] = "embedding_model_not_trusted"
    hint: ClassVar[str] = "run `casewright policy embedder fetch`; for files of your own: sha256sum FILES > SHA256SUMS"


class FetchFailed(CasewrightError):
    """MiniLM could not be fetched into {pointer}: {why}"""

    code: ClassVar[str] = "embedding_model_not_fetched"
    hint: ClassVar[str] = "fetch it where there is a network and copy the directory; until then the built-in one serves"


class HashingEmbedder:
    """Hashed 4-grams, no model: the same text gives the same vector in every process, and on every machine.

    Weighed `1 + log(count)` without a corpus's document frequencies, which would make every vector change with every
    clause (on ObliQA they bring nothing). Signed feature hashing: Weinberger et al. 2009, arXiv:0902.2206.
    """

    dims = 2048
    name = f"hashing-4gram-{dims}-v1"

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed in a thread; a thousand texts take a good second."""
        return await asyncio.to_thread(self.vectors, texts)

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Embed here and now, shape (texts, 2048)."""
        rows = np.zeros((len(texts), self.dims), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for gram, count in Counter(content_grams(text)).items():
                hashed = zlib.crc32(gram.encode())
                row[hashed % self.dims] += (1 + math.log(count)) * (1 if hashed >> 16 & 1 else -1)
        return unit(rows)


class OnnxMiniLM:
    """all-MiniLM-L6-v2, or another BERT-like sentence encoder, from a directory of two files. Mean pooling, 256 tokens.

    Sentence-BERT: Reimers and Gurevych 2019, arXiv:1908.10084.
    """

    _BATCH = 32
    _TOKENS = 256

    def __init__(self, folder: Path) -> None:
        """Load `model.onnx` and `tokenizer.json`, whose checksums `SHA256SUMS` beside them must tell.

        Raises:
            ModelNotTrusted: a file is missing, not the recorded one, or no such model.
        """
        sums = _verified(folder)
        import onnxruntime  # noqa: PLC0415 - heavy, and most runs have no such directory
        import tokenizers  # noqa: PLC0415 - as above

        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 3
            self._session = onnxruntime.InferenceSession(
                str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise ModelNotTrusted(str(folder), why=f"{type(error).__name__}: {str(error)[:200]}") from error
        self._tokenizer.enable_truncation(max_length=self._TOKENS)
        self._tokenizer.enable_padding()
        self._inputs = {node.name for node in self._session.get_inputs()}
        self.dims = int(self._session.get_outputs()[0].shape[-1])
        # Another export of the model is another space.
        self.name = f"minilm-{sums['model.onnx'][:8]}"

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed in a thread, in batches."""
        return await asyncio.to_thread(self._embed, texts)

    def _embed(self, texts: Sequence[str]) -> Vectors:
        rows = [self._batch(batch) for batch in _batches(texts, self._BATCH)]
        return unit(np.concatenate(rows)) if rows else np.zeros((0, self.dims), dtype=np.float32)

    def _batch(self, texts: Sequence[str]) -> Vectors:
        encoded = self._tokenizer.encode_batch([text.encode("utf-8", "ignore").decode() for text in texts])
        ids = np.array([e.ids for e in encoded], dtype=np.int64)
        mask = np.array([e.attention_mask for e in encoded], dtype=np.int64)
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = self._session.run(None, {name: value for name, value in given.items() if name in self._inputs})[0]
        weights = mask[:, :, None].astype(np.float32)
        pooled: Vectors = (np.asarray(hidden, dtype=np.float32) * weights).sum(axis=1)
        pooled /= np.maximum(weights.sum(axis=1), 1)
        return pooled


class EndpointEmbedder:
    """An OpenAI-compatible `/embeddings` endpoint: hosted, vLLM, Ollama."""

    _BATCH = 64
    _CHARS = 8_000

    def __init__(self, base_url: str, model: str, api_key: str = "", *, dims: int = 0, timeout_s: float = 30.0) -> None:
        """Take the endpoint's address.

        Args:
            base_url: up to and including `/v1`.
            model: as the endpoint names it.
            api_key: empty where the endpoint wants none.
            dims: to ask for shorter vectors, where the model can; 0 for its own length.
            timeout_s: seconds a request may take.
        """
        import openai  # noqa: PLC0415 - 0.6 s that a run with the built-in embedder need not pay

        self._openai = openai
        self._client = openai.AsyncOpenAI(
            base_url=base_url, api_key=api_key or "none", max_retries=0, timeout=timeout_s
        )
        self._model = model
        self.dims = dims
        self.name = f"endpoint-{urlsplit(base_url).netloc}-{model}-{dims or 'full'}"

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed in batches of 64, each text cut at 8,000 characters (an endpoint refuses what passes its context)."""
        rows = [await self._batch(batch) for batch in _batches(texts, self._BATCH)]
        return unit(np.concatenate(rows)) if rows else np.zeros((0, self.dims), dtype=np.float32)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _batch(self, texts: Sequence[str]) -> Vectors:
        # An endpoint refuses an empty text; one space says as little.
        asked = [text.encode("utf-8", "ignore").decode()[: self._CHARS] or " " for text in texts]
        length = {"dimensions": self.dims} if self.dims else {}
        try:
            answer = await self._client.embeddings.create(
                input=asked, model=self._model, encoding_format="float", extra_body=length
            )
            by_index = {item.index: item.embedding for item in answer.data}
            rows = np.array([by_index[i] for i in range(len(asked))], dtype=np.float32)
        except self._openai.OpenAIError as error:
            raise EmbedderUnavailable(name=self.name, why=f"{type(error).__name__}: {str(error)[:200]}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise EmbedderUnavailable(name=self.name, why="the answer is not one vector a text") from error
        return rows


async def embedded(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """Embed, and check what came: one finite vector a text, all of one length.

    Raises:
        EmbedderUnavailable: it did not answer, or so.
    """
    rows = await embedder.embed(texts)
    is_table = rows.ndim == 2 and len(rows) == len(texts) and rows.shape[1] > 0  # noqa: PLR2004 - rows and columns
    if not is_table or not np.isfinite(rows).all():
        raise EmbedderUnavailable(name=embedder.name, why="the answer is not one finite vector a text")
    return rows


def choose_embedder(
    *, base_url: str = "", model: str = "", api_key: str = "", dims: int = 0, folder: Path | None = None
) -> Embedder:
    """Choose the best that is set up: an endpoint, else a local MiniLM directory, else the built-in one.

    Args:
        base_url: of an OpenAI-compatible endpoint; with `model`, or there is no endpoint.
        model: as the endpoint names it.
        api_key: of the endpoint.
        dims: of the endpoint's vectors, where they are to be shorter than the model's own.
        folder: MiniLM directory; passed over where it does not exist.

    Raises:
        ModelNotTrusted: the directory is there, and what it holds cannot be trusted.
    """
    if base_url and model:
        return EndpointEmbedder(base_url, model, api_key, dims=dims)
    if folder is not None and folder.is_dir():
        return OnnxMiniLM(folder)
    return HashingEmbedder()


def fetch_minilm(folder: Path) -> Path:
    """Fetch Chroma's own MiniLM (90 MB, checksum pinned by Chroma) into `folder`, and record its files' checksums.

    Returns:
        The folder, for `OnnxMiniLM`.

    Raises:
        FetchFailed: no network, or not the pinned file; `folder` is then as it was.
    """
    from chromadb.utils.embedding_functions import ONNXMiniLM_L6_V2  # noqa: PLC0415 - heavy, and for this command only

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder.parent) as scratch:
        fetched = Path(scratch)
        try:
            function = ONNXMiniLM_L6_V2()
            function.DOWNLOAD_PATH = fetched  # by default Chroma fills a cache in the home directory
            function._download_model_if_not_exists()  # noqa: SLF001 - the only door to its pinned download
        except Exception as error:  # network, disk, archive or checksum: the way on is the same
            raise FetchFailed(str(folder), why=f"{type(error).__name__}: {error}") from error
        _take_over(fetched / "onnx", folder)
    return folder


def unit(rows: Vectors) -> Vectors:
    """Scale each row to length 1; a row of zeros stays."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)


_FILES = ("model.onnx", "tokenizer.json")
_SUMS = "SHA256SUMS"


def _take_over(fetched: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        shutil.move(fetched / name, folder / name)
    lines = [f"{_sha256(folder / name)}  {name}\n" for name in _FILES]
    (folder / _SUMS).write_text("".join(lines), encoding="utf-8")


def _verified(folder: Path) -> dict[str, str]:
    """The recorded checksums of the model's files, each compared with what lies there."""
    try:
        lines = [line.split() for line in (folder / _SUMS).read_text(encoding="utf-8").splitlines()]
        sums = {line[1].removeprefix("*"): line[0] for line in lines if len(line) == 2}  # noqa: PLR2004 - sum and name
        for name in _FILES:
            if sums.get(name) != _sha256(folder / name):
                raise ModelNotTrusted(str(folder), why=f"{name} is not the file whose checksum {_SUMS} records")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelNotTrusted(str(folder), why=f"{type(error).__name__}: {error}") from error
    return sums


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _batches(texts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), size):
        yield texts[start : start + size]


__all__ = [
    "Embedder", "EmbedderUnavailable", "EndpointEmbedder", "FetchFailed", "HashingEmbedder", "ModelNotTrusted",
    "OnnxMiniLM", "Vectors", "choose_embedder", "embedded", "fetch_minilm", "unit",
]  # fmt: skip
