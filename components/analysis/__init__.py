"""What a campaign's figures say: test metrics, labels saved, what more labels would bring, and costs."""
