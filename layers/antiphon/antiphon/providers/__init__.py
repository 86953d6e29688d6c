"""Who answers: adapters behind ``ModelProvider``, one per protocol; they do not know each other."""
