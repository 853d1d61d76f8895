import pytest
import torch

from recircle.models import VideoModel, create_model, measure_cost


def abstract(name: str) -> VideoModel:
    """Return a network for 174 classes whose weights take no memory."""
    with torch.device("meta"):
        return create_model(name, 174)


@pytest.mark.parametrize(
    ("name", "params", "gmacs"),
    [
        ("tsm_resnet18", 11.27, 14.5),
        ("tsm_resnet50", 23.86, 32.7),
        ("tsm_resnet101", 42.86, 62.4),
        ("arc_tsm_resnet18", 14.23, 17.4),
        ("arc_tsm_resnet50", 27.0, 36.8),
    ],
)
def test_known_costs(name: str, params: float, gmacs: float) -> None:
    """8 frames of 224 pixels, 174 classes."""
    model = abstract(name)
    cost = measure_cost(model, 8, 224)
    assert cost.params == sum(p.numel() for p in model.parameters())
    assert cost.params / 1e6 == pytest.approx(params, abs=0.01)
    assert cost.gmacs == pytest.approx(gmacs, rel=0.005)


def arc_extra(blocks: list[tuple[int, int, int, int]], frames: int, steps: int = 4) -> tuple[float, float]:
    """Return the parameters and GMACs that ARC adds, counted by hand for layers (Cin, c, HW, H'W')."""
    params = macs = 0
    for cin, c, area, small in blocks:
        fed = c - c // steps
        params += cin * cin + 2 * cin * fed
        # W^e at the input's resolution, W^f at the features', W^a on the two pooled tensors
        macs += frames * (cin * cin * area + cin * fed * (small + 1)) + cin * fed * small
    return params, macs / 1e9


@pytest.mark.parametrize(("depth", "frames"), [(18, 8), (50, 16)])
def test_arc_adds_what_its_identities_say(depth: int, frames: int) -> None:
    areas, blocks = [56 * 56, 28 * 28, 14 * 14, 7 * 7], []
    for stage, (area, count) in enumerate(zip(areas, (2, 2, 2, 2) if depth == 18 else (3, 4, 6, 3))):
        c = 64 * 2**stage
        for index in range(count):
            first = stage > 0 and index == 0
            before = areas[stage - 1] if first else area
            if depth == 18:
                blocks += [(c // 2 if first else c, c, before, area), (c, c, area, area)]
            else:
                blocks.append((c, c, before, area))
    params, gmacs = arc_extra(blocks, frames)
    host = measure_cost(abstract(f"tsm_resnet{depth}"), frames, 224)
    arc = measure_cost(abstract(f"arc_tsm_resnet{depth}"), frames, 224)
    assert arc.params - host.params == params
    assert arc.gmacs - host.gmacs == pytest.approx(gmacs, rel=1e-3)


def test_counts_by_hand_and_leaves_the_network_alone() -> None:
    model = create_model("tsn_resnet18", 4, width=8).double().train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    one, two = measure_cost(model, 1, (64, 32)), measure_cost(model, 2, (64, 32))
    assert two.gmacs == pytest.approx(2 * one.gmacs)
    stem = 8 * 3 * 49 * 32 * 16
    assert one.gmacs * 1e9 > stem
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert str(one).endswith("0.0 GMACs")


def test_no_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="frames=0"):
        measure_cost(create_model("tsn_resnet18", 4, width=8), 0, 32)
