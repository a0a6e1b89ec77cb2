"""A server of an ONNX model: POST {"rows": [[...], ...]} and get labels and probabilities.

A model with an input a column takes {"rows": [{"age": 40, "city": "Oslo"}, ...]}; null is missing.
Needs onnxruntime and NumPy alone. ``python examples/serve.py model.onnx --port 8000``; then
``curl localhost:8000 -d '{"rows": [[0.1, 2.0]]}'``. For the open internet put a real web server in
front of it.
"""

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import onnxruntime

MAX_BYTES = 10_000_000
DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}
MISSING_TEXT = "nan"


def inputs_of(body, inputs):
    """Rows as the model takes them; ValueError says what is wrong with a request."""
    by_name = len(inputs) > 1 or inputs[0].type == "tensor(string)"
    form = '{"column": value, ...}' if by_name else "[number, ...]"
    try:
        rows = json.loads(body, parse_constant=refuse)["rows"]
        if not by_name:
            return {inputs[0].name: numbers_of(rows, inputs[0])}
        names = {one.name for one in inputs}
        for row in rows:
            if set(row) != names:
                raise ValueError(f"columns must be {sorted(names)}; got {row!r:.200}")
        return {one.name: column_of([[row[one.name]] for row in rows], one) for one in inputs}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f'send {{"rows": [{form}, ...]}}: {error}') from error


def refuse(constant):
    raise ValueError(f"numbers must be finite, or null if they are missing; got {constant}")


def column_of(cells, wanted):
    if wanted.type != "tensor(string)":
        return numbers_of(cells, wanted)
    for (cell,) in cells:
        if not isinstance(cell, (str, type(None))):
            raise ValueError(f"{wanted.name} must be a text; got {cell!r}")
    return np.array([[MISSING_TEXT if cell is None else cell] for (cell,) in cells], dtype=object)


def numbers_of(rows, wanted):
    numbers, dtype = np.array(rows, dtype=np.float64), DTYPES[wanted.type]
    if numbers.ndim != len(wanted.shape) or numbers.shape[1:] != tuple(wanted.shape[1:]):
        raise ValueError(f"the shape must be {wanted.shape}; it is {list(numbers.shape)}")
    if np.isinf(numbers).any():
        raise ValueError("numbers must be finite")
    if dtype is np.int64 and (numbers != np.floor(numbers)).any():
        raise ValueError(f"{wanted.name} must be whole numbers")
    return numbers.astype(dtype)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BYTES:
            return self.answer(413, {"error": f"at most {MAX_BYTES} bytes; these are {length}"})
        session = self.server.session
        try:
            given = inputs_of(self.rfile.read(length), session.get_inputs())
        except ValueError as error:
            return self.answer(400, {"error": str(error)})
        answers = session.run(None, given)
        if any(answer.dtype.kind == "f" and not np.isfinite(answer).all() for answer in answers):
            return self.answer(400, {"error": "a number is missing that the model needs"})
        names = [output.name for output in session.get_outputs()]
        return self.answer(200, {n: a.tolist() for n, a in zip(names, answers, strict=True)})

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--port", type=int, default=8000, help="0 takes any that is free")
    options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.session = onnxruntime.InferenceSession(options.model)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
