"""What clustering finds in the training pictures, written down: bank, table of instances, agreement, page."""

from pathlib import Path

from lightning_fabric import Fabric

from components.data.loader import BatchMaker
from components.inference.style_bank import DrawnFor
from components.models.config import ModelConfig
from components.models.networks import Networks
from components.styles.agreement import measure_agreement, read_true_styles, write_agreement
from components.styles.bank import bank_document, examples_of, write_bank, write_instances, write_tensors
from components.styles.cluster import cluster_styles
from components.styles.collect import InstanceStyles
from components.styles.config import ClusterConfig
from components.styles.page import PageContent, write_page

PAGE_FOLDER = "page"


def drawn_for(model: ModelConfig) -> DrawnFor:
    """What has a style of its own in a picture of this model."""
    return "class" if model.features == "label" else "instance"


def write_findings(
    folder: Path,
    networks: Networks,
    maker: BatchMaker,
    styles: InstanceStyles,
    *,
    config: ClusterConfig,
    true_styles: Path,
    fabric: Fabric,
) -> dict[str, float]:
    """Cluster the styles of the training instances and write all that comes of it.

    Args:
        folder: where.
        networks: with features.
        maker: of the training split, with the boundary map where the networks take one.
        styles: of its instances.
        config: how they are clustered.
        true_styles: the dataset's file of true styles; where there is none, agreement is not measured.
        fabric: the device.

    Returns:
        How many instances and styles there are and, where it was measured, the agreement, overall and of each class.

    Raises:
        ValueError: naming the file of true styles, where it does not fit.
    """
    index, model = maker.store.index, networks.shape.model
    clustered = cluster_styles(styles, config)
    examples = examples_of(clustered, styles, index)
    document = bank_document(model.n_features, clustered, index.classes, drawn_for=drawn_for(model), examples=examples)
    write_bank(folder, document)
    write_tensors(folder, clustered)
    write_instances(folder, styles, clustered, index)
    scores: dict[str, float] = {
        "instances": len(styles),
        "styles": sum(len(each.counts) for each in clustered.values()),
    }
    true = agreement = None
    if true_styles.is_file():
        true = read_true_styles(true_styles, styles, index)
        agreement = measure_agreement(styles, clustered, true, config)
        write_agreement(folder, agreement, index)
        scores |= agreement.overall
        for number, of_class in agreement.classes.items():
            scores |= {f"{name}/{index.classes[number].name}": getattr(of_class, name) for name in agreement.overall}
    content = PageContent(
        networks=networks,
        maker=maker,
        styles=styles,
        clustered=clustered,
        changes_class=drawn_for(model) == "class",
        true=true,
        agreement=agreement,
        fabric=fabric,
    )
    write_page(folder / PAGE_FOLDER, content)
    return scores
