"""Guarantees that every plug-in of a kind must keep, as checks for those of users too; ``seqtrain check`` runs them.

Each kind has a module with its checks: functions that build the plug-in from its config and raise AssertionError where
the guarantee does not hold, or return why it does not concern the plug-in. In a test of your own::

    from seqtrain.testing.models import check_model
    from seqtrain.testing.toy import toy_task

    def test_my_model() -> None:
        check_model(MyConfig(embed_dim=8), toy_task())
"""
