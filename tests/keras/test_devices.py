"""Many devices, and the backends that only go forward: in processes apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from backends import BACKEND
from importing import IMPORT
from importing import check_import

DATA = """
import json, os, sys
import numpy as np
rng = np.random.default_rng(0)
x = rng.normal(size=(64, 3)).astype("float32") * 30
y = (x[:, :1] > 0).astype("float32")

def model(keras, ks, loss):
    keras.utils.set_random_seed(0)
    made = keras.Sequential([
        keras.Input((3,)),
        keras.layers.Dense(4, activation=ks.activations.stablef),
        keras.layers.Dense(1),
    ])
    made.compile(keras.optimizers.SGD(0.1), loss)
    return made

def fit(made):
    history = made.fit(x, y, batch_size=32, epochs=3, shuffle=False, verbose=0)
    return history.history["loss"]
"""
JAX = """
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
import jax, keras
import keras_stablef as ks
one = fit(model(keras, ks, ks.losses.ContinuousBernoulli()))
assert len(jax.devices()) == 8
keras.distribution.set_distribution(keras.distribution.DataParallel())
many = fit(model(keras, ks, ks.losses.ContinuousBernoulli()))
print(json.dumps([one, many]))
"""
TENSORFLOW = """
import tensorflow as tf, keras
import keras_stablef as ks
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
one = fit(model(keras, ks, ks.losses.ContinuousBernoulli()))
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
with strategy.scope():
    made = model(keras, ks, ks.losses.ContinuousBernoulli())
print(json.dumps([one, fit(made)]))
"""
TORCH = """
import datetime, torch, keras
import torch.distributed as dist
import keras_stablef as ks

def losses(rank, world):
    made = model(keras, ks, ks.losses.ContinuousBernoulli())
    parallel = torch.nn.parallel.DistributedDataParallel
    net = made if world == 1 else parallel(made)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    loss, found = ks.losses.ContinuousBernoulli(), []
    for _ in range(3):
        total = 0.0
        for k in range(0, 64, 32):
            rows = slice(k + rank * 32 // world, k + (rank + 1) * 32 // world)
            optimizer.zero_grad()
            value = loss(torch.tensor(y[rows]), net(torch.tensor(x[rows])))
            value.backward()
            optimizer.step()
            each = value.detach()
            if world > 1:
                dist.all_reduce(each)
            total += float(each) / world
        found.append(total / 2)
    return found

def parallel(rank, store):
    dist.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=2,
        timeout=datetime.timedelta(minutes=5),
    )
    found = losses(rank, 2)
    dist.barrier()  # nobody leaves while the other is still at work
    dist.destroy_process_group()
    return found

rank, store = int(sys.argv[1]), sys.argv[2]
alone = [] if rank else [losses(0, 1)]
print(json.dumps([*alone, parallel(rank, store)]))
"""
SCRIPTS = {"jax": JAX, "tensorflow": TENSORFLOW}


def output(path: object, *arguments: str, backend: str = BACKEND) -> list:
    """What a script printed last, as JSON."""
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run(
        [sys.executable, str(path), *arguments],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: list = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def beside(path: Path) -> list:
    """What torch learns alone, and in two fresh processes together."""
    store = str(path.with_name("store"))
    started = [
        subprocess.Popen(
            [sys.executable, str(path), str(rank), store],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    done = [process.communicate(timeout=400) for process in started]
    errors = [error[-2000:] for _, error in done]
    assert [p.returncode for p in started] == [0, 0], errors
    (alone, first), (second,) = (
        json.loads(out.strip().splitlines()[-1]) for out, _ in done
    )
    assert first == second
    return [alone, first]


@pytest.mark.skipif(
    BACKEND not in (*SCRIPTS, "torch"), reason="no engine for many"
)
def test_many_devices_train_as_one(tmp_path: Path) -> None:
    """JAX DataParallel on 8, MirroredStrategy on 2, torch DDP on 2."""
    path = tmp_path / "train.py"
    path.write_text(DATA + SCRIPTS.get(BACKEND, TORCH), encoding="utf-8")
    one, many = beside(path) if BACKEND == "torch" else output(path)
    assert np.isfinite(one).all() and one[-1] < one[0]
    np.testing.assert_allclose(many, one, rtol=1e-5)


FORWARD = IMPORT + textwrap.dedent("""
    import json
    import numpy as np
    x = np.array([-1e30, -88.8, -1e-3, 0.0, 1e-9, 3.0, 1e30], "float32")
    y = keras.ops.convert_to_numpy(ks.ops.stablef(x))
    slope = keras.ops.convert_to_numpy(ks.ops.stablef.derivative()(x))
    loss = ks.losses.LogCosh()(np.zeros((2, 1)), np.full((2, 1), 1e-6))
    inputs = keras.Input((1,))
    model = keras.Model(inputs, ks.layers.StableF()(inputs))
    z = np.asarray(model.predict(x[:, None], verbose=0)).ravel()
    loss = float(keras.ops.convert_to_numpy(loss))
    values = [y.tolist(), slope.tolist(), z.tolist(), loss]
    print(json.dumps([*values, seconds, sorted(new)]))
""")


@pytest.mark.once
@pytest.mark.parametrize("backend", ["numpy", "openvino"])
def test_forward_only_backends(backend: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    if backend == "openvino":
        pytest.importorskip("openvino")
    path = tmp_path / "forward.py"
    path.write_text(FORWARD, encoding="utf-8")
    y, slope, z, loss, *imported = output(path, backend=backend)
    check_import(*imported)
    want = [1e-30, 1 / 88.8, 0.5 - 1e-3 / 12, 0.5, 0.5, 0.71906257, 1.0]
    np.testing.assert_allclose(y, want, rtol=1e-6)
    np.testing.assert_allclose(z, want, rtol=1e-6)
    np.testing.assert_allclose(slope[3], 1 / 12, rtol=1e-6)
    assert slope[0] == 0 and slope[-1] == 0
    np.testing.assert_allclose(loss, 5e-13, rtol=1e-5)
