"""A server of an ONNX model: POST {"rows": [[...], ...]} and get labels and probabilities.

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


def rows_of(body, wanted):
    """Rows as the model takes them; ValueError says what is wrong with a request."""
    try:
        rows = np.array(json.loads(body)["rows"], dtype=DTYPES[wanted.type])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f'send {{"rows": [[number, ...], ...]}}: {error}') from error
    if rows.ndim != len(wanted.shape) or rows.shape[1:] != tuple(wanted.shape[1:]):
        raise ValueError(f"rows must have the shape {wanted.shape}; these have {list(rows.shape)}")
    if not np.isfinite(rows).all():
        raise ValueError("rows must hold finite numbers")
    return rows


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BYTES:
            return self.answer(413, {"error": f"at most {MAX_BYTES} bytes; these are {length}"})
        session = self.server.session
        try:
            rows = rows_of(self.rfile.read(length), session.get_inputs()[0])
        except ValueError as error:
            return self.answer(400, {"error": str(error)})
        answers = session.run(None, {session.get_inputs()[0].name: rows})
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
