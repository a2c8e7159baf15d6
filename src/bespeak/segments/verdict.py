"""Why there are so many groups, in words."""

from __future__ import annotations

from bespeak.segments.search import STABLE, Search, Trial


def verdict(found: Search) -> dict[str, str]:
    """One paragraph in English and in Chinese."""
    match found.why:
        case "chosen":
            return _chosen(found)
        case "one_cloud" | "cut":
            return _one_cloud(found)
        case "unstable":
            return _unstable(found)
        case "no_features":
            return {
                "en": "No groups were looked for: no feature tells the customers apart.",
                "zh": "未进行分群：没有能区分客户的特征。",
            }
        case _:
            return {
                "en": "No groups were looked for: there are too few different customers.",
                "zh": "未进行分群：可区分的客户太少。",
            }


def _chosen(found: Search) -> dict[str, str]:
    tried, chosen = _tried(found), _trial(found, found.k)
    stable = [trial for trial in tried if (trial.stability or 0.0) >= STABLE]
    best = max(trial.silhouette or 0.0 for trial in stable)
    counts = ", ".join(str(trial.k) for trial in stable)
    return {
        "en": (
            f"{found.k} groups. Of {_span(tried, 'to')} tried, these came back whole when the "
            f"customers were drawn again: {counts}. {found.k} groups are tighter than a cloud "
            f"without groups would be (gap {_told(chosen.gap)}, one group "
            f"{_told(found.trials[0].gap)}), their silhouette is {_told(chosen.silhouette)} "
            f"(best of these {best:.2f}), and the inertia bends at {found.elbow}."
        ),
        "zh": (
            f"分为 {found.k} 群。在 {_span(tried, '到')} 群中，重新抽样后仍保持稳定的群数为："
            f"{counts.replace(', ', '、')}。{found.k} 群比无分群的数据更紧密"
            f"（gap {_told(chosen.gap)}，单群 {_told(found.trials[0].gap)}），"
            f"轮廓系数 {_told(chosen.silhouette)}（其中最高 {best:.2f}），"
            f"惯性曲线的拐点在 {found.elbow}。"
        ),
    }


def _one_cloud(found: Search) -> dict[str, str]:
    pointed = next(trial for trial in _tried(found) if trial.gap is not None)
    en = (
        f"No clear groups: the customers shade into each other. A cut into {pointed.k} comes back "
        "when the customers are drawn again, but is no tighter than in a cloud without groups "
        f"(gap {_told(pointed.gap)}, one group {_told(found.trials[0].gap)})."
    )
    zh = (
        f"没有明显的分群：客户之间逐渐过渡。分成 {pointed.k} 份在重新抽样后保持稳定，"
        "但并不比无分群的数据更紧密"
        f"（gap {_told(pointed.gap)}，单群 {_told(found.trials[0].gap)}）。"
    )
    if found.why == "one_cloud":
        return {"en": en, "zh": zh}
    return {
        "en": f"{en} It is kept as {pointed.k} slices: useful to speak of, with drawn borders.",
        "zh": f"{zh}这里保留为 {pointed.k} 个切片：便于讨论，但边界是划出来的。",
    }


def _unstable(found: Search) -> dict[str, str]:
    tried = _tried(found)
    best = max(tried, key=lambda trial: trial.stability or 0.0)
    kept, asked = f"{best.stability or 0.0:.0%}", f"{STABLE:.0%}"
    return {
        "en": (
            f"No clear groups: of {_span(tried, 'to')} tried, none came back whole when the "
            f"customers were drawn again. The steadiest, {best.k}, kept {kept} of its weakest "
            f"group; {asked} is asked."
        ),
        "zh": (
            f"没有明显的分群：在 {_span(tried, '到')} 群中，重新抽样后没有一种保持稳定。"
            f"最稳定的 {best.k} 群中最弱的一群仅保留 {kept}，要求为 {asked}。"
        ),
    }


def _tried(found: Search) -> list[Trial]:
    return [trial for trial in found.trials if trial.k > 1]


def _trial(found: Search, k: int) -> Trial:
    return next(trial for trial in found.trials if trial.k == k)


def _span(tried: list[Trial], to: str) -> str:
    return f"{tried[0].k} {to} {tried[-1].k}"


def _told(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
