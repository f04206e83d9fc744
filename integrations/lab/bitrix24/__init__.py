"""The lab's Bitrix24 portal, written from the public documentation of its REST interface."""

from integrations.lab.bitrix24.portal import Bitrix24Portal

__all__ = ["Bitrix24Portal"]
