"""`labelcycle.Campaign`: a campaign from Python. Each method does what the command of its name does, and returns it."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy.typing as npt

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.api.campaign_arguments import campaign_arguments
from labelcycle.pipelines.api.places import Place, absolute_place, place_or_none, recipe_named
from labelcycle.pipelines.api.python_arguments import (
    number_or_none,
    settings_by_name,
    shown,
    text,
    texts,
    whole_number_or_none,
)
from labelcycle.pipelines.api.shown_campaign import ShownCampaign
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings

if TYPE_CHECKING:
    import pandas as pd

    from labelcycle.pipelines.amending.amend import Amended
    from labelcycle.pipelines.local.campaign_loop import Engine, LoopEnd
    from labelcycle.pipelines.local.outcome import CycleRun


class Campaign(ShownCampaign):
    """A campaign: a pool of images or embeddings, its labels and its models, in a folder or an S3 prefix.

    Make one by `create`, or open one that is there by `open`. What is returned was read at that moment; several
    processes may work on one campaign at once.

    >>> import labelcycle
    >>> campaign = labelcycle.Campaign.create("digits", embeddings="digits.npz", budget=20, batch=10)
    >>> campaign.run().end  # a file with all labels plays the annotator, so nothing is awaited
    'done'
    >>> campaign.metrics()[["cycle", "labels"]].values.tolist()
    [[1, 10], [2, 20]]
    >>> campaign.query().empty
    True

    Attributes:
        root: where it is; paths are absolute.
    """

    @classmethod
    def create(cls, root: Place, settings: CampaignSettings | None = None, **given: Any) -> Self:
        """Begin a campaign. Asking again for the same one opens it, and changes nothing.

        Args:
            root: where it will live.
            settings: what `labelcycle init` can be asked for.
            given: the same by name, laid over `settings`; names are those of `labelcycle init --print-config`, such as
                `images`, `embeddings`, `test`, `budget`, `recipe`, and `set` for settings of the recipe.

        Raises:
            ConfigurationError: settings that are unknown, or contradict each other or the data.
            InputError: unusable images, embeddings, labels or test set.
            CampaignError: the root belongs to another campaign.

        Cost: reads every image or embedding once.
        """
        from labelcycle.pipelines.initialise.begin import begin_campaign
        from labelcycle.pipelines.initialise.settings_file import settings_of_arguments

        place, wanted = absolute_place(root), settings_of_arguments(campaign_arguments(settings, given))
        begin_campaign(place, wanted)
        return cls(root)

    @classmethod
    def open(cls, root: Place) -> Self:
        """The campaign at a root.

        Raises:
            CampaignError: there is none, or it is damaged.
        """
        return cls(root)

    def run(
        self,
        until_accuracy: float | None = None,
        cycles: int | None = None,
        labels_from: Place = "",
        on_cycle: "Callable[[CycleRun], None]" = lambda run: None,
        engine: "Engine" = "local",
    ) -> "LoopEnd":
        """Run cycles until the budget is spent, a target is met, or labels are awaited.

        Args:
            until_accuracy: stop once the test accuracy is at least this.
            cycles: stop after this many trained cycles.
            labels_from: a label file to read instead of the campaign's own source.
            on_cycle: called after each cycle, with what its stages did.
            engine: `local`, or `kfp` to run the pipeline of Kubeflow on this machine.

        Returns:
            Why it ended: `end` is `done`, `target`, `waiting` (labels are awaited: see `query`) or `cycles`, `reason`
            says it in words, `state` is where the campaign stands.

        Raises:
            ConfigurationError: an accuracy that is no share, or an engine that is none.
            LabelcycleError: a stage failed; its `exit_code` is 2 where running again may help.

        Cost: processes of its own for the stages and for MLflow, which end with the call.
        """
        from labelcycle.components.publish.mlflow_record import record_in_mlflow
        from labelcycle.pipelines.local.campaign_loop import run_campaign

        until_accuracy = number_or_none("until_accuracy", until_accuracy)
        if until_accuracy is not None and not 0 <= until_accuracy <= 1:
            raise ConfigurationError(
                f"until_accuracy is a share from 0 to 1; got {until_accuracy}. Write 95 % as 0.95."
            )
        if engine not in ("local", "kfp"):
            raise ConfigurationError(f"There is no engine {engine!r}. Choose 'local' or 'kfp'.")
        source = "" if isinstance(labels_from, str) and not labels_from else absolute_place(labels_from, "labels_from")
        cycles = whole_number_or_none("cycles", cycles, 1)
        if not callable(on_cycle):
            raise ConfigurationError(f"on_cycle is a function of one run; got {shown(on_cycle)}. Give such as print.")
        end = run_campaign(self.root, source, until_accuracy, cycles, on_cycle, engine)
        if not end.recorded:
            record_in_mlflow(self.root)
        return end

    def query(self) -> "pd.DataFrame":
        """The samples whose labels are awaited, the most useful of the last query first; no row where none are.

        Columns: `sample_id`, `uri` (None for embeddings), `cycle`, `rank`, `predicted` and `confidence` (of the model
        that asked; None in the cold start), `reason`, and what was answered so far: `label` and `status`.

        Raises:
            InputError: the CSV of a query is none any more.
        """
        from labelcycle.pipelines.api.query_frame import query_frame

        return query_frame(self._store, self.root)

    def add_labels(self, labels: "pd.DataFrame | Mapping[str, str]", annotator: str = "") -> int:
        """Answer samples that `query` lists: all that are given, or none. The next `run` takes the answers in.

        Args:
            labels: a table with the columns `sample_id` and `label`, and optionally `status` (`skip`, `unsure`) and
                `annotator`, such as that of `query` with its labels filled in; or the label of each sample by its id.
                Rows without a label and a status are no answers. Who has answered before gets another answer.
            annotator: whose answers these are; needed where several people label.

        Returns:
            How many samples were answered.

        Raises:
            InputError: a sample that is not asked about, or a class that is none; nothing is changed then.
            ConfigurationError: labels come from elsewhere, such as Label Studio or a label file.
            CampaignError: no query awaits labels.
        """
        from labelcycle.pipelines.api.query_frame import answers_in
        from labelcycle.pipelines.label_page.many_answers import write_answers
        from labelcycle.pipelines.label_page.open_queries import read_open_queries

        given = answers_in(labels, annotator)
        queries = read_open_queries(self._store, self.root, shown=False)
        return len(write_answers(self._store, self.root, queries, given))

    def amend(
        self,
        *,
        budget: int | None = None,
        batch: int | None = None,
        recipe: Place | None = None,
        set: Mapping[str, object] | None = None,
        images: Place | None = None,
        embeddings: Place | None = None,
        test: Place | None = None,
        withdraw: Place | None = None,
        watch_images: Place | None = None,
        drop_leaks: bool = False,
        classes: Sequence[str] = (),
        rename_class: Sequence[str] = (),
        merge_classes: Sequence[str] = (),
        label_price: float | None = None,
        annotators_per_label: int | None = None,
        price_cpu_hour: float | None = None,
        price_gpu_hour: float | None = None,
        notify: Mapping[str, object] | None = None,
        no_notify: bool = False,
        reason: str = "",
    ) -> "Amended":
        """Change the campaign from its next cycle on, as `labelcycle amend` does with flags of these names.

        Args:
            budget: labels in all, those that were paid for among them.
            batch: labels a cycle.
            recipe: another way to choose, with the same trainer.
            set: settings of the recipe by name.
            images: new ones.
            embeddings: a file of new ones.
            test: a label file of samples that join the test set.
            withdraw: a file of samples to take out.
            watch_images: where new images join from at each cycle; empty to watch nothing any more.
            drop_leaks: set new samples aside that are nearly the same as a test sample.
            classes: new ones, such as `["+rabbit"]`.
            rename_class: such as `["OLD=NEW"]`.
            merge_classes: such as `["A,B=NEW"]`.
            label_price: of one annotation.
            annotators_per_label: annotations paid for a label.
            price_cpu_hour: of one CPU core.
            price_gpu_hour: of a GPU.
            notify: whom to tell of what.
            no_notify: tell nobody any more.
            reason: why, for the record.

        Returns:
            The amendment, the campaign before and after it, and the first cycle that it is in force for.

        Raises:
            ConfigurationError: nothing would change, or the changes contradict what was done.
            InputError: samples or labels that cannot be used.
        """
        from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
        from labelcycle.pipelines.amending.labelling_tool import offer_classes
        from labelcycle.pipelines.amending.sample_changes import WantedSamples

        prices = {
            "label": number_or_none("label_price", label_price),
            "annotators_per_label": whole_number_or_none("annotators_per_label", annotators_per_label, 1),
            "cpu_hour": number_or_none("price_cpu_hour", price_cpu_hour),
            "gpu_hour": number_or_none("price_gpu_hour", price_gpu_hour),
        }
        samples = WantedSamples(
            images=place_or_none("images", images),
            embeddings=place_or_none("embeddings", embeddings),
            test=place_or_none("test", test),
            withdraw=place_or_none("withdraw", withdraw),
            watch_images="" if watch_images == "" else place_or_none("watch_images", watch_images),
            drop_leaks=drop_leaks,
        )
        wanted = WantedChanges(
            whole_number_or_none("budget", budget, 1),
            whole_number_or_none("batch", batch, 1),
            None if recipe is None else recipe_named(recipe),
            settings_by_name("set", set, '{"selector.strategy": "margin"}'),
            classes=texts("classes", classes, "+rabbit"),
            renamed=texts("rename_class", rename_class, "OLD=NEW"),
            merged=texts("merge_classes", merge_classes, "A,B=NEW"),
            prices={name: price for name, price in prices.items() if price is not None},
            notify=settings_by_name("notify", notify, '{"webhook": True}'),
            no_notify=no_notify,
            samples=samples,
        )
        done = amend_campaign(self._store, wanted, text("reason", reason, "more labels").strip())
        offer_classes(done.before, done.after)
        return done

    def predict(
        self,
        images: Place | Sequence[Place] | npt.ArrayLike,
        *,
        cycle: int | None = None,
        final: bool = False,
        batch_size: int = 64,
        top: int = 1,
        probabilities: bool = False,
    ) -> "pd.DataFrame":
        """Classify images by the champion, or by another model of the campaign.

        Args:
            images: a folder, an `s3://` prefix, an image, or a list of paths and `s3://` URIs. For a campaign on
                embeddings an array of features (M, d) of the same network, or a file of them.
            cycle: take the model of this cycle instead of the champion.
            final: take the final model instead.
            batch_size: images a forward pass.
            top: how many classes of each image are listed.
            probabilities: whether there is a column for each class.

        Returns:
            A row an image: `image`, `predicted`, `confidence` (`predicted_2`, …, with `top`), `probability_NAME` of
            each class, and `reason`, which says why an image could not be read and is None for all others.

        Raises:
            ConfigurationError: there is no such model, or what it takes is something else.
            InputError: features that cannot be used, or no image there.
        """
        from labelcycle.pipelines.api.prediction_frame import prediction_frame
        from labelcycle.pipelines.models.choice import choose_model

        chosen = choose_model(self.root, whole_number_or_none("cycle", cycle, 0), final)
        return prediction_frame(chosen, images, batch_size, top, probabilities)
